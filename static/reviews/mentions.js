// @ts-check
// Naming people in a comment: @ and the first letters list who may see the case.

import { mentionAt, step, withMention } from "./mention-text.js";

/** @typedef {{ name: string, label: string }} Person */

const WAIT_MS = 120;

/** What is open: at most one list on a page. @type {{ area: HTMLTextAreaElement, list: HTMLElement, at: number } | null} */
let open = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asked = 0;

/** @param {HTMLElement} list @returns {HTMLElement[]} */
const options = (list) => [.../** @type {HTMLCollectionOf<HTMLElement>} */ (list.children)];

function close() {
  clearTimeout(timer);
  asked += 1;
  if (!open) return;
  open.list.hidden = true;
  open.list.replaceChildren();
  open.area.removeAttribute("aria-activedescendant");
  open = null;
}

/** @param {number} at */
function mark(at) {
  if (!open) return;
  open.at = at;
  options(open.list).forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
  const chosen = options(open.list)[at];
  open.area.setAttribute("aria-activedescendant", chosen.id);
  chosen.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement | undefined} option */
function choose(option) {
  if (!open || !option) return;
  const { area } = open;
  const mention = mentionAt(area.value, area.selectionStart);
  close();
  if (!mention) return;
  const next = withMention(area.value, mention.start, area.selectionStart, option.dataset.name ?? "");
  area.value = next.text;
  area.setSelectionRange(next.caret, next.caret);
  area.focus();
}

/**
 * @param {HTMLTextAreaElement} area
 * @param {Person[]} people
 */
function show(area, people) {
  const list = document.getElementById(area.getAttribute("aria-controls") ?? "");
  if (!list || !people.length) return close();
  list.replaceChildren(
    ...people.map((person, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.dataset.name = person.name;
      const name = document.createElement("span");
      name.className = "muted";
      name.textContent = `@${person.name}`;
      option.append(person.label, " ", name);
      return option;
    }),
  );
  list.hidden = false;
  open = { area, list, at: 0 };
  mark(0);
}

/** @param {HTMLTextAreaElement} area */
async function ask(area) {
  const mention = mentionAt(area.value, area.selectionStart);
  if (!mention) return close();
  asked += 1;
  const mine = asked;
  const address = `${area.dataset.mentions}?q=${encodeURIComponent(mention.typed)}`;
  const response = await fetch(address).catch(() => null);
  // Only the newest answer counts, and only where one still writes.
  if (mine !== asked || document.activeElement !== area) return;
  show(area, response?.ok ? await response.json() : []);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!open || event.target !== open.area || event.isComposing || event.ctrlKey || event.metaKey) return;
  const count = options(open.list).length;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) mark(step(open.at, by, count));
  else if (event.key === "Enter" || event.key === "Tab") choose(options(open.list)[open.at]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

export function listenForMentions() {
  // Before the page's own keys, which leave the field at Escape.
  window.addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || !area.dataset.mentions) return;
    clearTimeout(timer);
    timer = setTimeout(() => ask(area), WAIT_MS);
  });
  document.addEventListener("focusout", (event) => {
    if (open && event.target === open.area) close();
  });
  // The field keeps the focus while one points at a name.
  document.addEventListener("mousedown", (event) => {
    const option = /** @type {Element} */ (event.target).closest("[role=option]");
    if (!open || !(option instanceof HTMLElement) || !open.list.contains(option)) return;
    event.preventDefault();
    choose(option);
  });
}
