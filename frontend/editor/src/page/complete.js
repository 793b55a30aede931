// @ts-check
// Completion in expressions: suggests what earlier steps give, while a person types.

const MOST = 8;

/** @param {HTMLElement} pane */
export function completeExpressions(pane) {
  const list = Object.assign(document.createElement("ul"), { className: "completions", id: "completions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  pane.parentElement?.append(list);
  /** @type {{field: HTMLTextAreaElement, found: any[], from: number, at: number} | null} */
  let open = null;

  const close = () => {
    open?.field.removeAttribute("aria-activedescendant");
    open = null;
    list.hidden = true;
  };
  const draw = () => {
    if (!open) return;
    list.replaceChildren(...open.found.map(({ text, detail }, index) => {
      const item = Object.assign(document.createElement("li"), { id: `completion-${index}` });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === open?.at));
      item.append(Object.assign(document.createElement("code"), { textContent: text }), Object.assign(document.createElement("small"), { textContent: detail }));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(index); });
      return item;
    }));
    open.field.setAttribute("aria-activedescendant", `completion-${open.at}`);
    const box = open.field.getBoundingClientRect();
    const around = /** @type {HTMLElement} */ (list.offsetParent ?? document.body).getBoundingClientRect();
    list.style.top = `${box.bottom - around.top + 2}px`;
    list.hidden = false;
  };
  const choose = (/** @type {number} */ index) => {
    if (!open) return;
    const { field, found, from } = open;
    const wrap = field.dataset.complete !== "bare" && !isInside(field.value.slice(0, from));
    const text = wrap ? `\${ ${found[index].text} }` : found[index].text;
    field.setRangeText(text, from, field.selectionStart, "end");
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  pane.addEventListener("input", (event) => {
    const field = /** @type {HTMLTextAreaElement} */ (event.target);
    if (!("complete" in field.dataset)) return;
    const suggestions = readSuggestions(pane);
    const before = field.value.slice(0, field.selectionStart);
    const word = /[A-Za-z_][\w.]*$/.exec(before)?.[0] ?? "";
    const bare = field.dataset.complete === "bare" || isInside(before);
    const wanted = word.length > (bare ? 0 : 4) || (bare && /\$\{\s*$/.test(before));
    const found = wanted ? suggestions.filter(({ text }) => text.startsWith(word) && text !== word).slice(0, MOST) : [];
    if (!found.length) return close();
    open = { field, found, from: field.selectionStart - word.length, at: 0 };
    field.setAttribute("aria-controls", list.id);
    draw();
  });
  pane.addEventListener("keydown", (event) => {
    if (!open || list.hidden) return;
    const move = /** @type {any} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (move) open.at = (open.at + move + open.found.length) % open.found.length;
    else if (event.key === "Enter" || event.key === "Tab") choose(open.at);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    draw();
  });
  pane.addEventListener("focusout", close);
}

/** Whether the caret is inside `${ }`. @param {string} before */
const isInside = (before) => before.lastIndexOf("${") > before.lastIndexOf("}");

/** @param {HTMLElement} pane @returns {{text: string, detail: string}[]} */
function readSuggestions(pane) {
  const data = /** @type {HTMLTemplateElement | null} */ (pane.querySelector("template[data-suggestions]"))?.content.textContent;
  return data ? JSON.parse(data) : [];
}
