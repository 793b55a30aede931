// @ts-check
// The page around the canvas: inspector, problems, save state, conflicts, panes. It does nothing on
// pages without an editor.

import { listenToInspector } from "./inspector.js";
import { showConflicts } from "./conflicts.js";
import { watchProblems } from "./problems.js";
import { makeSheet } from "./sheet.js";

const page = /** @type {HTMLElement | null} */ (document.querySelector("[data-editor]"));
if (page) start(page);

/** @param {HTMLElement} root */
function start(root) {
  const canvas = /** @type {any} */ (root.querySelector("flow-canvas"));
  const panes = makePanes(root);
  const inspector = listenToInspector(root, canvas, panes);
  const problems = watchProblems(root, canvas, panes, inspector);
  showState(canvas);
  showPeople(canvas);
  canvas.addEventListener("flow:ready", () => {
    inspector.show([]);
    problems.refresh();
    // Focus the canvas, so that its keys work at once.
    if (document.activeElement === document.body) /** @type {HTMLElement | null} */ (canvas.querySelector(".flow-stage"))?.focus(/** @type {any} */ ({ preventScroll: true, focusVisible: false }));
  });
  canvas.addEventListener("flow:publish", () => publish(canvas));
  canvas.addEventListener("flow:changed", () => { problems.refreshSoon(); showConflicts(root, canvas); });
  canvas.addEventListener("flow:said", (/** @type {CustomEvent} */ event) => { if (event.detail.tone === "bad") showRefusal(root, event.detail.text); });
}

/** Open the dialog once the server has every edit, as it publishes what it has. @param {any} canvas */
function publish(canvas) {
  const link = /** @type {HTMLElement | null} */ (document.querySelector("[data-publish]"));
  if (canvas.draft.pending.length) return void setTimeout(() => publish(canvas), 80);
  link?.click();
}

/** @param {HTMLElement} root */
function makePanes(root) {
  const buttons = [...document.querySelectorAll("[data-pane]")];
  const views = [...root.querySelectorAll("[data-view]")];
  const open = (/** @type {boolean} */ is) => {
    root.toggleAttribute("data-pane-closed", !is);
    if (is) /** @type {any} */ (root.querySelector("flow-canvas")).keepInSight?.();
  };
  const show = (/** @type {string} */ name) => {
    open(true);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.getAttribute("data-pane") === name));
    for (const view of views) /** @type {HTMLElement} */ (view).hidden = view.getAttribute("data-view") !== name;
    if (name === "history") loadHistory(/** @type {HTMLElement} */ (root.querySelector("#editor-history")));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button.getAttribute("data-pane") ?? ""));
  root.querySelector("[data-pane-close]")?.addEventListener("click", () => open(false));
  root.querySelector("[data-pane-open]")?.addEventListener("click", () => open(true));
  root.addEventListener("click", (event) => handleHistoryClick(root, event));
  makeSheet(root, open);
  if (innerWidth < 900) open(false);
  return { show, open };
}

/** @param {HTMLElement} pane @param {string} [url] */
async function loadHistory(pane, url = pane.dataset.url ?? "") {
  const response = await fetch(url, { credentials: "same-origin" }).catch(() => null);
  pane.innerHTML = response?.ok ? await response.text() : "<p class=\"muted pane-note\">The history could not be loaded. Try again.</p>";
}

/** @param {HTMLElement} root @param {Event} event */
async function handleHistoryClick(root, event) {
  const target = /** @type {Element} */ (event.target);
  const pane = /** @type {HTMLElement} */ (root.querySelector("#editor-history"));
  const link = /** @type {HTMLAnchorElement | null} */ (target.closest("a[data-history]"));
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-restore]"));
  if (link) {
    event.preventDefault();
    loadHistory(pane, link.href);
  } else if (button) await restore(root, button, pane);
}

/** @param {HTMLElement} root @param {HTMLElement} button @param {HTMLElement} pane */
async function restore(root, button, pane) {
  const csrf = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  const body = new URLSearchParams({ revision: button.dataset.restore ?? "" });
  const response = await fetch(button.dataset.url ?? "", { method: "POST", headers: { "X-CSRFToken": csrf }, body }).catch(() => null);
  if (!response?.ok) return showRefusal(root, "It could not be restored. Try again when the connection is back.");
  /** @type {any} */ (root.querySelector("flow-canvas")).refresh();
  await loadHistory(pane);
  /** @type {HTMLElement | null} */ (pane.querySelector("summary"))?.focus();
}

const STATE_ICONS = { saved: 0, saving: 3, offline: 4, stopped: 1 };

/** @param {HTMLElement} canvas */
function showState(canvas) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-save-state]"));
  const icons = /** @type {HTMLTemplateElement | null} */ (document.querySelector("template[data-icons]"));
  if (!place || !icons) return;
  /** @type {any} */
  let timer = null;
  const show = (/** @type {{kind: keyof typeof STATE_ICONS, text: string}} */ { kind, text }) => {
    place.dataset.kind = kind;
    const words = /** @type {HTMLElement} */ (place.lastElementChild);
    if (words.textContent !== text) words.textContent = text;
    place.firstElementChild?.replaceWith(icons.content.children[STATE_ICONS[kind]].cloneNode(true));
  };
  canvas.addEventListener("flow:state", (event) => {
    clearTimeout(timer);
    const { detail } = /** @type {CustomEvent} */ (event);
    // A save that takes hardly any time must not flicker.
    timer = setTimeout(() => show(detail), detail.kind === "saving" ? 300 : 0);
  });
}

/** @param {HTMLElement} canvas */
function showPeople(canvas) {
  const place = document.querySelector("[data-people]");
  canvas.addEventListener("flow:presence", (event) => {
    const { people } = /** @type {CustomEvent} */ (event).detail;
    place?.replaceChildren(...people.slice(0, 5).map((/** @type {any} */ { person }) => {
      const face = Object.assign(document.createElement("span"), { className: "avatar", textContent: person.slice(0, 2).toUpperCase(), title: `${person} is here` });
      face.setAttribute("role", "img");
      face.setAttribute("aria-label", `${person} is here`);
      return face;
    }));
  });
}

/** Show over the canvas, for a while, what was refused. @param {HTMLElement} root @param {string} text */
function showRefusal(root, text) {
  root.querySelector(".canvas-said")?.remove();
  const note = Object.assign(document.createElement("p"), { className: "canvas-said", textContent: text });
  note.setAttribute("aria-hidden", "true");
  root.querySelector(".editor-canvas")?.append(note);
  setTimeout(() => note.remove(), 5000);
}
