// @ts-check
// Every htmx request: adds the CSRF token, and shows a notice when the request fails.

import { describeFailure } from "./failures.js";
import { showToast } from "./toasts.js";

/** @typedef {{ ctx: { request: { headers: Record<string, string>, method: string }, response?: { status: number }, sourceElement?: Element }, error?: Error }} Detail */

/** @param {number | null} status */
function tell(status) {
  const failure = describeFailure(status);
  if (!failure) return;
  showToast({
    ...failure,
    action: failure.reload ? "Reload" : undefined,
    onAction: failure.reload ? () => location.reload() : undefined,
  });
}

/**
 * Whether a person caused the request. A refresh by a nudge or a timer may fail silently: the live
 * indicator shows it, and the page asks again.
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
    const { detail } = /** @type {CustomEvent<Detail>} */ (event);
    const { ctx } = detail;
    // A page that refreshes by itself does not keep its session in use.
    if (!isOwnAct(detail)) ctx.request.headers["X-Background"] = "1";
    if (ctx.request.method.toUpperCase() !== "GET") ctx.request.headers["X-CSRFToken"] = token;
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { detail } = /** @type {CustomEvent<Detail>} */ (event);
    if (isOwnAct(detail)) tell(detail.ctx.response?.status ?? null);
  });
  document.addEventListener("htmx:error", (event) => {
    const { detail } = /** @type {CustomEvent<Detail>} */ (event);
    // htmx also reports failed swaps here; those did have a response.
    if (detail.ctx && !detail.ctx.response && isOwnAct(detail)) tell(null);
  });
}
