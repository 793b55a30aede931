// @ts-check
// The test drawer of the editor: it sends the server's forms without leaving the page, and draws the
// results on the canvas.

import { showCoverage } from "./coverage.js";

const SETTLE_MS = 80;

const drawer = /** @type {HTMLElement | null} */ (document.querySelector("[data-test-drawer]"));
if (drawer) start(drawer);

/** @param {HTMLElement} root */
function start(root) {
  const canvas = /** @type {any} */ (document.querySelector("flow-canvas"));
  const body = /** @type {HTMLElement} */ (root.querySelector("[data-drawer-body]"));
  const toggles = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-test-toggle]"));
  /** @type {string[]} */
  let chosen = [];
  let view = "bench";

  // There is nothing to draw on until the canvas has loaded, which draws again then.
  const draw = (/** @type {any} */ statuses) => {
    if (canvas.document) canvas.setStatuses(statuses);
  };
  const clear = () => draw({ steps: {}, edges: {} });
  const show = (/** @type {boolean} */ open) => {
    root.hidden = !open;
    for (const each of toggles) each.setAttribute("aria-expanded", String(open));
    if (!open) return clear();
    if (!body.childElementCount) load(view);
    else paint();
    return undefined;
  };
  const tab = (/** @type {string} */ name) => {
    view = name;
    for (const each of root.querySelectorAll("[data-drawer-tab]"))
      each.setAttribute("aria-pressed", String(each.getAttribute("data-drawer-tab") === name));
  };
  const load = async (/** @type {string} */ name) => {
    tab(name);
    await showAnswer(await fetch(root.dataset[`${name}Url`] ?? "", { credentials: "same-origin" }), body);
    paint();
  };
  /** Draw the trial on the canvas, and tell the buttons which step is selected. */
  const paint = () => {
    const told = /** @type {HTMLTemplateElement | null} */ (body.querySelector("template[data-statuses]"));
    draw(told ? JSON.parse(told.content.textContent ?? "{}") : { steps: {}, edges: {} });
    choose();
  };
  const choose = () => {
    const one = chosen.length === 1 ? chosen[0] : "";
    const field = /** @type {HTMLInputElement | null} */ (body.querySelector('[name="step"]'));
    if (field) field.value = one;
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (body.querySelectorAll("[data-needs-step]")))
      button.disabled = !one || canvas.getAttribute("mode") !== "edit";
    const words = body.querySelector("[data-chosen]");
    if (words)
      words.textContent = one ? canvas.document?.steps[one]?.title || one : "Select a step to run up to it, or to run it alone.";
    for (const row of body.querySelectorAll("[data-row]"))
      row.toggleAttribute("data-chosen-row", row.getAttribute("data-row") === one);
  };
  const send = async (/** @type {HTMLFormElement} */ form, /** @type {HTMLButtonElement | null} */ button) => {
    root.setAttribute("aria-busy", "true");
    await waitUntilSent(canvas);
    const data = new FormData(form, button);
    const open = listOpenRows(body);
    const response = await fetch(form.action, { method: "POST", body: data, credentials: "same-origin" }).catch(
      () => null,
    );
    root.removeAttribute("aria-busy");
    await showAnswer(response, body);
    if (form.dataset.to) tab(form.dataset.to);
    reopen(body, open);
    paint();
    focusAfter(body, button);
    canvas.refresh?.();
  };

  for (const each of toggles) each.addEventListener("click", () => show(root.hidden));
  root.querySelector("[data-drawer-close]")?.addEventListener("click", () => {
    show(false);
    toggles[0]?.focus();
  });
  for (const each of root.querySelectorAll("[data-drawer-tab]"))
    each.addEventListener("click", () => load(each.getAttribute("data-drawer-tab") ?? "bench"));
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    send(form, /** @type {HTMLButtonElement | null} */ (/** @type {SubmitEvent} */ (event).submitter));
  });
  root.addEventListener("change", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if ("sample" in field.dataset)
      /** @type {HTMLButtonElement | null} */ (root.querySelector('[name="act"][value="sample"]'))?.click();
  });
  root.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const by = target.closest("[data-by]");
    if (by) return showCoverage(by, canvas);
    const row = target.closest("summary")?.closest("[data-row]");
    if (row) canvas.reveal(row.getAttribute("data-row"));
    return undefined;
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      show(false);
      toggles[0]?.focus();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
      /** @type {HTMLButtonElement | null} */ (root.querySelector("[data-run]"))?.click();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /** @type {Element} */ (event.target).closest("input, textarea, select, [contenteditable]");
    if (event.key !== "t" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    show(root.hidden);
    if (!root.hidden) body.querySelector("button")?.focus();
  });
  canvas.addEventListener("flow:select", (/** @type {CustomEvent} */ event) => {
    chosen = event.detail.steps;
    choose();
  });
  canvas.addEventListener("flow:ready", () => {
    if (!root.hidden) paint();
  });
  if (location.hash === "#test") show(true);
}

/** Wait until the server has every edit, for it tests the draft it has. @param {any} canvas */
async function waitUntilSent(canvas) {
  while (canvas.draft?.pending.length && navigator.onLine)
    await new Promise((done) => {
      setTimeout(done, SETTLE_MS);
    });
}

/** @param {Response | null} response @param {HTMLElement} body */
async function showAnswer(response, body) {
  if (response?.ok) return void (body.innerHTML = await response.text());
  const words =
    response?.status === 403 ? "You can view this flow, but not test it." : "The test could not be run. Try again.";
  const note = Object.assign(document.createElement("p"), { className: "error-text", textContent: words });
  note.setAttribute("role", "alert");
  return body.prepend(note);
}

/** @param {HTMLElement} body */
const listOpenRows = (body) =>
  [...body.querySelectorAll("[data-row] > details[open]")].map((each) => each.parentElement?.dataset.row);

/** @param {HTMLElement} body @param {(string | undefined)[]} steps */
function reopen(body, steps) {
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("[data-row]"))) {
    if (steps.includes(row.dataset.row)) row.querySelector("details")?.setAttribute("open", "");
  }
}

/**
 * Focus the checkpoint that is waiting, else the button that was pressed.
 * @param {HTMLElement} body
 * @param {HTMLButtonElement | null} button
 */
function focusAfter(body, button) {
  const asked = /** @type {HTMLElement | null} */ (body.querySelector(".bench-decision [data-first]"));
  const again = button?.value
    ? /** @type {HTMLElement | null} */ (body.querySelector(`[name="act"][value="${CSS.escape(button.value)}"]`))
    : null;
  (asked ?? again ?? /** @type {HTMLElement | null} */ (body.querySelector("[data-run]")))?.focus();
}
