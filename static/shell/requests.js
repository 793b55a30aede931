// @ts-check
// Every htmx request: the token against forgery, and a notice when it fails.

import { failureOf } from "./failures.js";
import { showToast } from "./toasts.js";

/** @typedef {{ ctx: { request: { headers: Record<string, string>, method: string }, response?: { status: number }, sourceElement?: Element }, error?: Error }} Detail */

/** @param {number | null} status */
function tell(status) {
  const failure = failureOf(status);
  if (!failure) return;
  showToast({
    ...failure,
    action: failure.reload ? "Reload" : undefined,
    onAction: failure.reload ? () => location.reload() : undefined,
  });
}

/**
 * A refresh that a nudge or a timer asked for may fail in silence: the live indicator tells, and
 * it is asked for again. A person's own act may not.
 * @param {Detail} detail
 */
function isOwnAct({ ctx }) {
  const source = ctx.sourceElement;
  if (ctx.request.method !== "GET") return true;
  return !/\b(live:|every|load|revealed|intersect)/.test(source?.getAttribute("hx-trigger") ?? "");
}

export function listenForRequests() {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = /** @type {CustomEvent<Detail>} */ (event).detail;
    if (ctx.request.method.toUpperCase() !== "GET") ctx.request.headers["X-CSRFToken"] = token;
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { detail } = /** @type {CustomEvent<Detail>} */ (event);
    if (isOwnAct(detail)) tell(detail.ctx.response?.status ?? null);
  });
  document.addEventListener("htmx:error", (event) => {
    const { detail } = /** @type {CustomEvent<Detail>} */ (event);
    // htmx reports faults of a swap here too; those had their response.
    if (detail.ctx && !detail.ctx.response && isOwnAct(detail)) tell(null);
  });
}
