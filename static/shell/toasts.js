// @ts-check
// Notices in the corner of the page, read out by screen readers.

const NOTE_MS = 6000;

/**
 * @typedef {object} Toast
 * @property {string} title what happened
 * @property {string} [text] what it means, and what to do next
 * @property {"active" | "good" | "waiting" | "bad"} [tone]
 * @property {string} [action] the label of a button
 * @property {() => void} [onAction]
 * @property {number} [forMs] 0 keeps it until it is closed
 */

/**
 * Show a notice. One about a failure stays until it is closed.
 * @param {Toast} toast
 * @returns {() => void} closes it
 */
export function showToast({ title, text = "", tone = "active", action, onAction, forMs }) {
  const region = document.querySelector("[data-toasts]");
  const template = document.querySelector("template[data-toast-template]");
  if (!region || !(template instanceof HTMLTemplateElement)) return () => {};
  // Replace the same notice instead of repeating it.
  for (const other of region.querySelectorAll("[data-toast]")) {
    if (other.querySelector("strong")?.textContent === title) other.remove();
  }
  const element = /** @type {HTMLElement} */ (
    /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild
  );
  element.dataset.tone = tone;
  element.querySelector(tone === "bad" || tone === "waiting" ? ".toast-note" : ".toast-bad")?.remove();
  const [strong, span] = element.querySelectorAll(".toast-text > *");
  strong.textContent = title;
  span.textContent = text;
  const button = element.querySelector("[data-toast-action]");
  if (button instanceof HTMLButtonElement && action && onAction) {
    button.hidden = false;
    button.textContent = action;
    button.addEventListener("click", () => (onAction(), element.remove()));
  }
  region.append(element);
  const stay = forMs ?? (tone === "bad" ? 0 : NOTE_MS);
  if (stay) setTimeout(() => element.remove(), stay);
  return () => element.remove();
}

/** Make the close buttons work, including those of notices that the server rendered. */
export function listenForToasts() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-close-toast]")) target.closest("[data-toast]")?.remove();
  });
  document.addEventListener("toast", (event) => {
    showToast(/** @type {CustomEvent<Toast>} */ (event).detail);
  });
}
