// @ts-check
// Which evidence was opened, which the decision is sent with.

import { touchDraft } from "./draft.js";
import { getDecisionForm, findAll, getHiddenField } from "./workspace.js";

/**
 * The list with one more id in it, null if it has that already.
 * @param {string} opened ids, separated by spaces
 * @param {string} id
 */
export function addOpened(opened, id) {
  const ids = opened.split(" ").filter(Boolean);
  return ids.includes(id) ? null : [...ids, id].join(" ");
}

/** @param {string | null} id */
function recordOpened(id) {
  const form = getDecisionForm();
  if (!form || !id) return;
  const field = getHiddenField(form, "opened");
  field.value = addOpened(field.value, id) ?? field.value;
}

/** @type {IntersectionObserver | undefined} */
let observer;

/** Record what of the evidence comes into view. */
export function watchEvidence() {
  observer?.disconnect();
  observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) recordOpened(target.getAttribute("data-evidence"));
      }
    },
    { threshold: 0.2 },
  );
  for (const element of findAll("[data-evidence]")) observer.observe(element);
}

/** Record recordings when they are played: to have one in view is not to have heard it. */
export function listenForPlaying() {
  // Captured, because media events do not bubble.
  document.addEventListener(
    "play",
    (event) => {
      const recording = /** @type {Element} */ (event.target).closest("[data-played-evidence]");
      if (!recording) return;
      recordOpened(recording.getAttribute("data-played-evidence"));
      touchDraft();
    },
    { capture: true },
  );
}
