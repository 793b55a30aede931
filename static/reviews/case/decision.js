// @ts-check
// Choosing an outcome, and what the form shows for it.

import { touchDraft } from "./draft.js";
import { find, findAll } from "./workspace.js";

/** @returns {HTMLInputElement[]} */
const getOutcomes = () => findAll("input[name=outcome]");

export const getChosenOutcome = () =>
  /** @type {HTMLInputElement | null} */ (find("input[name=outcome]:checked"));

/** The keys of the outcomes on offer, in lower case. */
export const getOutcomeKeys = () => getOutcomes().map((each) => (each.dataset.key ?? "").toLowerCase());

/** Show the reasons and fields of the chosen outcome only, and name it on the button that sends. */
export function showOutcome() {
  const chosen = getChosenOutcome();
  for (const part of findAll("[data-for-outcome]")) {
    part.hidden = part.dataset.forOutcome !== chosen?.value;
  }
  const label = find("[data-send-label]");
  const word = chosen?.closest("label")?.querySelector("span")?.textContent;
  if (label) label.textContent = word ?? "Decide";
}

/** Choose an outcome and go to what it needs next. @param {string} key */
export function chooseOutcome(key) {
  const radio = getOutcomes().find((each) => each.dataset.key?.toLowerCase() === key);
  if (!radio) return;
  radio.checked = true;
  showOutcome();
  touchDraft();
  const reasons = find(`[data-for-outcome="${radio.value}"]`);
  const needed = radio.dataset.needsComment === "true" ? "#decision-comment" : "[data-send]";
  (reasons ?? find(needed))?.focus();
}
