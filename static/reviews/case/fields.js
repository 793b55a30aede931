// @ts-check
// Correcting the values of the case: what was changed is marked and can be put back.

import { touchDraft } from "./draft.js";
import { findAll } from "./workspace.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input */

/**
 * Whether what is typed differs from the value that the case came with.
 * @param {string} typed
 * @param {string} [old]
 */
export const differs = (typed, old = "") => typed.trim() !== old.trim();

/**
 * Which of the fields to go to: the one with the lowest confidence, else the first on the page.
 * @param {(number | null)[]} confidences of the fields that can be edited, in order; null: unknown
 * @returns {number} -1: there is none
 */
export function findFirstField(confidences) {
  if (!confidences.length) return -1;
  let best = 0;
  confidences.forEach((confidence, index) => {
    if ((confidence ?? 1) < (confidences[best] ?? 1)) best = index;
  });
  return best;
}

export function goToFields() {
  const rows = findAll(".shown-field:has(.shown-value [name])");
  const at = findFirstField(
    rows.map((row) => (row.dataset.confidence ? Number(row.dataset.confidence) : null)),
  );
  const input = rows[at]?.querySelector(".shown-value [name]");
  if (input instanceof HTMLElement) input.focus();
  if (input instanceof HTMLInputElement) input.select();
}

/** @param {Input} input */
function markOverride(input) {
  const row = /** @type {HTMLElement} */ (input.closest(".shown-field"));
  const changed = differs(input.value, input.dataset.old);
  row.classList.toggle("overridden", changed);
  const note = row.querySelector("[data-override]");
  if (note instanceof HTMLElement) note.hidden = !changed;
}

export function markOverrides() {
  for (const input of /** @type {Input[]} */ (findAll("[data-old]"))) markOverride(input);
}

/**
 * @param {Element | null | undefined} input
 * @returns {input is Input}
 */
const canBeTyped = (input) =>
  input instanceof HTMLInputElement || input instanceof HTMLSelectElement || input instanceof HTMLTextAreaElement;

/** @param {Element} button */
function restore(button) {
  const input = button.closest(".shown-field")?.querySelector("[data-old]");
  if (!canBeTyped(input)) return;
  input.value = input.dataset.old ?? "";
  markOverride(input);
  touchDraft();
  input.focus();
}

export function listenForFields() {
  document.addEventListener("input", (event) => {
    const input = /** @type {Input} */ (event.target);
    if (input.closest("#workspace") && input.dataset.old !== undefined) markOverride(input);
  });
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-restore]");
    if (button) restore(button);
  });
}
