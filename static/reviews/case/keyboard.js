// @ts-check
// Does what keys.js says a key means.

import { chooseOutcome, getChosenOutcome, getOutcomeKeys } from "./decision.js";
import { goToFields } from "./fields.js";
import { handover } from "./handover.js";
import { findAct } from "./keys.js";
import { getReasonBoxes, toggleReason } from "./reasons.js";
import { getDecisionForm, find, getWorkspace } from "./workspace.js";

/** @param {EventTarget | null} target */
function isText(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox"].includes(target.type);
  return target.matches("textarea, select, [contenteditable]");
}

/** @param {EventTarget | null} target */
function isControl(target) {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("button, a[href], summary, [role=application]") && !target.matches("[data-send]");
}

/** @param {string} key */
function openAct(key) {
  const act = /** @type {HTMLDetailsElement | null} */ (find(`[data-act="${key}"]`));
  if (!act) return;
  act.open = true;
  act.querySelector("textarea")?.focus();
}

/** @param {string} selector */
function submit(selector) {
  const form = document.querySelector(selector);
  if (form instanceof HTMLFormElement) form.requestSubmit();
}

/**
 * Ctrl Enter in a question or a comment sends that, and never the decision.
 * @param {EventTarget | null} [target]
 */
function send(target) {
  const form = target instanceof HTMLTextAreaElement ? target.form : null;
  (form ?? getDecisionForm())?.requestSubmit();
}

/** @type {Record<string, (act: any, target?: EventTarget | null) => void>} */
const DO = {
  outcome: ({ key }) => chooseOutcome(key),
  reason: ({ index }) => toggleReason(index),
  send: (_act, target) => send(target),
  fields: goToFields,
  documents: () => find(".document:not([hidden])")?.focus(),
  comment: () => find("#decision-comment")?.focus(),
  act: ({ key }) => openAct(key),
  undo: () => submit("[data-undo-form]"),
  next: () => submit("[data-next-form]"),
  leave: () => find(".case-pane")?.focus(),
};

/** @param {{ key: string, ctrl?: boolean, target?: EventTarget | null }} press */
const interpret = ({ key, ctrl, target = null }) =>
  findAct({
    key,
    ctrl,
    typing: isText(target),
    onControl: isControl(target),
    chosen: Boolean(getChosenOutcome()),
    reasons: getReasonBoxes().length,
    outcomes: getOutcomeKeys(),
  });

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.altKey || event.isComposing || event.defaultPrevented || !getWorkspace()) return;
  const { key, target } = event;
  // Search and the list of keys lie over the page and have their own.
  if (target instanceof Element && target.closest("dialog[open]")) return;
  const ctrl = event.ctrlKey || event.metaKey;
  const waits = !ctrl && !isText(target) && handover.wants(key);
  const act = interpret({ key, ctrl, target });
  if (!act && !waits) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  // A key that is held down counts once.
  if (event.repeat) return;
  if (waits) handover.keep(key);
  else if (act && !handover.by) DO[act.kind](act, target);
}

/** Do what was pressed while the case was on its way. @param {string[]} keys */
export function doKeys(keys) {
  for (const key of keys) {
    const act = interpret({ key });
    if (act && !handover.by) DO[act.kind](act);
  }
}

export function listenForCaseKeys() {
  // Captured: the frame's own keys (G, then a digit) come after these.
  document.addEventListener("keydown", onKey, { capture: true });
}
