// @ts-check
// The reasons for an outcome: what each rests on, and what the applicant will read.

import { getChosenOutcome } from "./decision.js";
import { touchDraft } from "./draft.js";
import { find, findAll, getWorkspace } from "./workspace.js";

/** The boxes of the chosen outcome's reasons. @returns {HTMLInputElement[]} */
export function getReasonBoxes() {
  const outcome = getChosenOutcome()?.value;
  return outcome ? findAll(`[data-for-outcome="${outcome}"] input[type=checkbox]`) : [];
}

/** @param {number} index */
export function toggleReason(index) {
  const box = getReasonBoxes()[index];
  if (!box) return;
  box.checked = !box.checked;
  box.focus();
  showNotice();
  markGround(box.closest(".reason"));
  touchDraft();
}

/** Show the sentences of the chosen reasons, as the applicant will read them. */
export function showNotice() {
  for (const preview of findAll("[data-notice-preview]")) {
    const sentences = /** @type {HTMLElement[]} */ ([...preview.querySelectorAll("[data-notice-of]")]);
    const boxes = preview.closest("fieldset")?.querySelectorAll("input:checked") ?? [];
    const chosen = new Set([...boxes].map((box) => /** @type {HTMLInputElement} */ (box).value));
    for (const each of sentences) each.hidden = !chosen.has(each.dataset.noticeOf ?? "");
    const none = /** @type {HTMLElement | null} */ (preview.querySelector("[data-notice-none]"));
    if (none) none.hidden = sentences.some((each) => !each.hidden);
  }
}

/** Mark the field or document that a chosen reason rests on. @param {Element | null} reason */
function markGround(reason) {
  const ground = /** @type {HTMLSelectElement | null | undefined} */ (reason?.querySelector("[data-ground]"));
  const chosen = reason?.querySelector("input:checked");
  if (!ground || !chosen || !ground.value) return;
  for (const element of findAll(".linked")) element.classList.remove("linked");
  const field = find(`.shown-field[data-key="${CSS.escape(ground.value)}"]`);
  field?.classList.add("linked");
  field?.scrollIntoView({ block: "nearest" });
  getWorkspace().dispatchEvent(new CustomEvent("case:mark", { detail: ground.value }));
}

export function listenForReasons() {
  document.addEventListener("change", (event) => {
    markGround(/** @type {Element} */ (event.target).closest(".reason"));
  });
  document.addEventListener("input", (event) => {
    if (/** @type {Element} */ (event.target).closest("#workspace .reason")) showNotice();
  });
}
