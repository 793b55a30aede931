// @ts-check
// The claim on the case: taken by starting to type, and kept while the page is looked at.

import { post, getWorkspace } from "./workspace.js";

// A third of the shortest usual lease: two beats may be lost before the claim is.
const BEAT_MS = 60_000;
let claiming = false;

/** Claim the case as soon as somebody types, so that nobody else works on it meanwhile. */
export async function claimIfFree() {
  const { dataset } = getWorkspace();
  if (claiming || dataset.held === "true" || dataset.canTake !== "true") return;
  claiming = true;
  const response = await post(dataset.claim ?? "").catch(() => null);
  claiming = false;
  if (response?.ok) dataset.held = "true";
  refreshStanding();
}

/** Show anew who holds the case. */
export function refreshStanding() {
  const group = `live:case.${getWorkspace()?.dataset.case}`;
  document.body.dispatchEvent(new CustomEvent(group, { detail: {} }));
}

async function renewClaim() {
  const page = getWorkspace();
  if (page?.dataset.held !== "true" || document.hidden) return;
  const response = await post(page.dataset.heartbeat ?? "").catch(() => null);
  if (response?.status === 409) {
    page.dataset.held = "false";
    refreshStanding();
  }
}

export const keepClaim = () => setInterval(renewClaim, BEAT_MS);
