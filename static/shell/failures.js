// @ts-check
// What to say when a request of the page fails. 409 and 422 bring a partial that explains itself.

/** @typedef {{ title: string, text: string, tone: "bad" | "waiting", reload?: boolean }} Failure */

/** @type {Record<number, Failure>} */
const KNOWN = {
  400: {
    title: "The server did not understand that",
    text: "Nothing was changed. Reload the page and try again.",
    tone: "bad",
    reload: true,
  },
  401: {
    title: "You are signed out",
    text: "Sign in again; what you typed is still on this page.",
    tone: "waiting",
    reload: true,
  },
  403: {
    title: "You are not allowed to do this",
    text: "Nothing was changed. Ask an admin for the role, or reload the page if you just signed in.",
    tone: "bad",
    reload: true,
  },
  404: {
    title: "That is no longer here",
    text: "It was removed, or you are no longer allowed to see it. Reload the page to see what is there now.",
    tone: "bad",
    reload: true,
  },
  413: {
    title: "That is too large",
    text: "Nothing was changed. Send less than 12 MB.",
    tone: "bad",
  },
  429: {
    title: "Too many requests",
    text: "Nothing was changed. Wait a minute and try again.",
    tone: "waiting",
  },
};

const BROKEN = /** @type {Failure} */ ({
  title: "Something broke on the server",
  text: "This was not saved. Try again; if it keeps happening, tell the operator the time.",
  tone: "bad",
});

const UNREACHABLE = /** @type {Failure} */ ({
  title: "The server cannot be reached",
  text: "This was not saved. Check the connection and try again.",
  tone: "bad",
});

const SWAPPED = new Set([409, 422]);

/**
 * Return what to say about a response, or null if its own partial says it.
 * @param {number | null} status null: there was no response
 * @returns {Failure | null}
 */
export function describeFailure(status) {
  if (status === null) return UNREACHABLE;
  if (status < 400 || SWAPPED.has(status)) return null;
  return KNOWN[status] ?? (status >= 500 ? BROKEN : KNOWN[400]);
}
