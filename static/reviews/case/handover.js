// @ts-check
// From one case to the next. While another workspace is on its way, this one sends nothing more: a
// key or a second Enter in a hurry would act on a case that is about to vanish, and nobody would
// see it. Some keys wait for the case that comes.

import { flushDraft, stopDraft } from "./draft.js";
import { waitsFor } from "./keys.js";
import { getDecisionForm, getWorkspace } from "./workspace.js";

/** Whether another workspace is on its way, and which keys wait for it. */
export class Handover {
  /** What brings the next workspace; "" while none is on its way. @type {"" | "undo" | "other"} */
  by = "";
  /** @type {string[]} */
  keys = [];

  /** @param {"undo" | "other"} by */
  begin(by) {
    this.by = by;
  }

  /** Whether this key would wait for the workspace that comes. @param {string} key */
  wants(key) {
    return this.by !== "" && waitsFor(this.by, key);
  }

  /** @param {string} key */
  keep(key) {
    this.keys.push(key);
  }

  /** It is over, with a new workspace or without one. @returns {string[]} the keys that waited */
  end() {
    const { keys } = this;
    this.by = "";
    this.keys = [];
    return keys;
  }
}

export const handover = new Handover();

const showBusy = () => getWorkspace().setAttribute("aria-busy", String(handover.by !== ""));

/** End the handover; return the keys that were pressed for the workspace that came. */
export function endHandover() {
  const keys = handover.end();
  showBusy();
  // What somebody pressed before they could read this does not count.
  return getWorkspace().querySelector(".stands-against") ? [] : keys;
}

/** @param {Event} event a form is being sent */
function onSubmit(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.getAttribute("hx-target") !== "#workspace") return;
  if (handover.by) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  handover.begin(form.matches("[data-undo-form]") ? "undo" : "other");
  showBusy();
  // A late draft would outlive the decision; and a form that has left the page has no fields.
  if (form === getDecisionForm()) stopDraft();
  else flushDraft();
}

/** @typedef {CustomEvent<{ ctx: { target?: Element, sourceElement?: Element } }>} RequestEvent */

/** @param {Event} event htmx asks for something */
function onRequest(event) {
  const { target, sourceElement: source } = /** @type {RequestEvent} */ (event).detail.ctx;
  if (!source || target === getWorkspace() || !getWorkspace()?.contains(source)) return;
  // What is about to vanish asks for nothing more, and what is folded needs nothing yet.
  if (handover.by || source.closest("details:not([open])")) event.preventDefault();
}

/** @param {Event} event htmx has its answer, or gave up */
function onRequestEnd(event) {
  // If it failed, this workspace goes on; if not, the new one has ended the handover already.
  if (/** @type {RequestEvent} */ (event).detail.ctx.target !== getWorkspace()) return;
  handover.end();
  showBusy();
}

export function listenForHandover() {
  document.addEventListener("submit", onSubmit, { capture: true });
  document.addEventListener("htmx:before:request", onRequest);
  document.addEventListener("htmx:finally:request", onRequestEnd);
  window.addEventListener("pagehide", flushDraft);
}
