// @ts-check
// The draft's problems while it is edited: on the cards, in the list, beside the fields.

import { own } from "../doc/operations/index.js";

const WAIT_MS = 350;

/** @param {HTMLElement} root @param {any} canvas @param {any} panes @param {any} inspector */
export function watchProblems(root, canvas, panes, inspector) {
  const list = /** @type {HTMLElement} */ (root.querySelector('[data-view="problems"]'));
  const count = /** @type {HTMLElement} */ (root.querySelector("[data-problem-count]"));
  /** @type {any} */
  let timer = null;
  let shown = -1;

  const refresh = async () => {
    if (canvas.draft?.pending.length) return refreshSoon();
    const response = await fetch(list.dataset.url ?? "", { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok) return;
    const { revision, problems } = await response.json();
    if (revision < canvas.draft.revision) return refreshSoon();
    shown = revision;
    canvas.setProblems(problems);
    count.textContent = String(problems.length);
    count.dataset.tone = problems.some((/** @type {any} */ p) => p.severity === "error") ? "bad" : problems.length ? "waiting" : "good";
    drawList(root, list, problems, canvas, panes, inspector);
    showBesideFields(root, problems, inspector.current());
  };
  const refreshSoon = () => {
    if (canvas.draft?.revision === shown && !canvas.draft.pending.length) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, WAIT_MS);
  };
  return { refresh, refreshSoon };
}

/** @param {HTMLElement} root @param {HTMLElement} list @param {any[]} problems @param {any} canvas @param {any} panes @param {any} inspector */
function drawList(root, list, problems, canvas, panes, inspector) {
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template[data-problem-template]"));
  const icons = /** @type {HTMLTemplateElement} */ (document.querySelector("template[data-icons]"));
  if (!problems.length) {
    const fine = Object.assign(document.createElement("p"), { className: "pane-note muted" });
    fine.append(icons.content.children[0].cloneNode(true), " Nothing is wrong. It can be published.");
    return list.replaceChildren(fine);
  }
  const items = document.createElement("ul");
  items.className = "problem-list";
  for (const problem of problems) {
    const item = /** @type {HTMLElement} */ (/** @type {any} */ (template.content.cloneNode(true)).firstElementChild);
    item.dataset.severity = problem.severity;
    item.querySelector(".problem-icon")?.append(icons.content.children[problem.severity === "error" ? 1 : 2].cloneNode(true));
    const [where, what, how] = [item.querySelector("strong"), item.querySelector(".problem-text"), item.querySelector("small")];
    const title = own(canvas.document.steps, problem.step)?.title || problem.step || "The flow";
    if (where) where.textContent = problem.field ? `${title}, ${problem.field}` : title;
    if (what) what.textContent = problem.message;
    if (how) how.textContent = problem.remedy;
    item.querySelector(".problem-jump")?.addEventListener("click", () => goToProblem(problem, canvas, panes, inspector));
    const fix = /** @type {HTMLButtonElement} */ (item.querySelector(".problem-fix"));
    if (problem.fix?.length && canvas.getAttribute("mode") === "edit") {
      fix.hidden = false;
      fix.textContent = labelFix(problem.fix);
      fix.addEventListener("click", () => canvas.edit(problem.fix.length === 1 ? problem.fix[0] : { op: "batch", label: labelFix(problem.fix), operations: problem.fix }, `${labelFix(problem.fix)}: done`));
    }
    items.append(item);
  }
  list.replaceChildren(items);
}

/** @param {any[]} operations */
function labelFix([first, ...rest]) {
  if (first.label) return first.label;
  if (rest.length) return `Fix (${rest.length + 1} edits)`;
  const labels = /** @type {any} */ ({
    connect: `Connect port ${String(first.edge).replace(/^.*?\./, "")}`, reconnect: `Make it ${first.to}`, disconnect: `Remove ${first.edge}`, set_field: `Set ${String(first.path).slice(1).replaceAll("/", ".")}`,
    remove_step: `Remove ${first.id}`, rename_step: `Rename to ${first.to}`,
  });
  return labels[first.op] ?? "Fix";
}

/** @param {any} problem @param {any} canvas @param {any} panes @param {any} inspector */
function goToProblem(problem, canvas, panes, inspector) {
  if (problem.step) canvas.reveal(problem.step);
  else canvas.actions.select([]);
  panes.show("inspect");
  const path = `/${problem.field.replace(/\[(\d+)\]/g, ".$1").replaceAll(".", "/")}`;
  if (problem.field) inspector.goTo(`[data-path="${CSS.escape(path)}"]`);
}

/** @param {HTMLElement} root @param {any[]} problems @param {string} step */
function showBesideFields(root, problems, step) {
  const icons = /** @type {HTMLTemplateElement} */ (document.querySelector("template[data-icons]"));
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("#inspector [data-problems-of]"))) {
    const mine = problems.filter((each) => each.step === step && each.field === place.dataset.problemsOf);
    const field = place.parentElement?.querySelector("[data-path]");
    if (field?.hasAttribute("data-wrong")) continue;
    field?.toggleAttribute("aria-invalid", Boolean(mine.length));
    if (mine.length) field?.setAttribute("aria-invalid", "true");
    place.replaceChildren(...mine.map((each) => {
      const text = Object.assign(document.createElement("p"), { className: "error-text" });
      text.append(icons.content.children[1].cloneNode(true), Object.assign(document.createElement("span"), { textContent: `${each.message} ${each.remedy}` }));
      return text;
    }));
  }
}
