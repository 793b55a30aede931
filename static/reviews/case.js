// @ts-check
// The page of a case. Everything it does also works as a plain form.

import { claimIfFree, keepClaim, refreshStanding } from "./case/claim.js";
import { showOutcome } from "./case/decision.js";
import { showDocuments } from "./case/documents.js";
import { beginDraft, touchDraft } from "./case/draft.js";
import { listenForPlaying, watchEvidence } from "./case/evidence.js";
import { listenForFields, markOverrides } from "./case/fields.js";
import { endHandover, listenForHandover } from "./case/handover.js";
import { doKeys, listenForCaseKeys } from "./case/keyboard.js";
import { recordLook } from "./case/look.js";
import { listenForMentions } from "./case/mentions.js";
import { fetchAhead } from "./case/prefetch.js";
import { showProblems } from "./case/problems.js";
import { listenForReasons, showNotice } from "./case/reasons.js";
import { beginRows, listenForRows } from "./case/rows.js";
import { startStopwatch } from "./case/stopwatch.js";
import { countDown, startCountDown } from "./case/undo.js";
import { getDecisionForm, find, getWorkspace } from "./case/workspace.js";

/** Begin, again for each case that comes into the page. */
function begin() {
  if (!getWorkspace() || getWorkspace().dataset.begun) return;
  getWorkspace().dataset.begun = "true";
  beginDraft(getDecisionForm(), showProblems, refreshStanding);
  beginRows(getWorkspace());
  watchEvidence();
  markOverrides();
  showOutcome();
  showNotice();
  countDown();
  showDocuments(getWorkspace());
  focusCase();
  doKeys(endHandover());
  whenIdle(recordLook);
  whenIdle(() => fetchAhead(getWorkspace()));
}

/** Go to what has to be put right, else to the case; a refusal says itself what it wants. */
function focusCase() {
  const invalid = find("[aria-invalid=true]");
  if (invalid) invalid.focus();
  else if (!find(".stands-against")) find(".case-pane")?.focus({ preventScroll: true });
}

/** @param {() => void} work */
function whenIdle(work) {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: 2000 });
  else setTimeout(work, 500);
}

/** @param {Event} event somebody typed or chose something */
function onInput(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  if (!getWorkspace()?.contains(input)) return;
  if (input.name === "outcome") showOutcome();
  input.dataset.touched = "";
  if (input.form?.id !== "decision") return;
  touchDraft();
  claimIfFree();
}

/** @param {HTMLElement} list */
function onRowsChanged(list) {
  list.dataset.touched = "";
  touchDraft();
  claimIfFree();
}

listenForCaseKeys();
listenForHandover();
listenForMentions();
listenForRows(onRowsChanged);
listenForReasons();
listenForFields();
listenForPlaying();
document.addEventListener("input", onInput);
document.addEventListener("htmx:after:swap", begin);
keepClaim();
startStopwatch();
startCountDown();
begin();
