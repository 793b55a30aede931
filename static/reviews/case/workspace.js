// @ts-check
// The case on the page. Each case that comes brings a new workspace, so nothing here is remembered.

export const getWorkspace = () => /** @type {HTMLElement} */ (document.getElementById("workspace"));

/** The form that decides the case, null for who may not decide it. */
export const getDecisionForm = () =>
  /** @type {HTMLFormElement | null} */ (document.getElementById("decision"));

/**
 * The first element of the workspace that matches.
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const find = (selector) => getWorkspace().querySelector(selector);

/**
 * All elements of the workspace that match.
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @returns {T[]}
 */
export const findAll = (selector) => /** @type {T[]} */ ([...getWorkspace().querySelectorAll(selector)]);

/**
 * A field of the decision that is not shown.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export const getHiddenField = (form, name) =>
  /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/**
 * Send something that goes through even when the page goes away.
 * @param {string} url
 * @param {BodyInit} [body]
 */
export function post(url, body) {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  return fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token }, keepalive: true });
}
