// @ts-check
// Sends pending edits in order, one request at a time, and fetches the edits of others. Edits that
// are not acknowledged are kept in this tab's storage and sent again under the same ids.

/** @typedef {import("../doc/draft.js").Draft} Draft */
/** @typedef {{draft: string, send: string, operations: string}} Urls */

const BATCH = 200;
const RETRY_MS = [400, 1000, 2000, 4000];
const REQUEST_MS = 15000;

export class Sync {
  /**
   * @param {Draft} draft @param {Urls} urls @param {string} key
   * @param {{fetch?: typeof fetch, storage?: Storage | null, csrf?: () => string}} [parts]
   */
  constructor(draft, urls, key, { fetch: request = (...all) => fetch(...all), storage = sessionStorage, csrf = readCsrfToken } = {}) {
    this.draft = draft;
    this.urls = urls;
    this.key = key;
    this.request = request;
    this.storage = storage;
    this.csrf = csrf;
    this.sending = false;
    this.mustFetch = false;
    this.failures = 0;
    /** @type {string} why nothing can be saved before the page is loaded again */
    this.stopped = "";
    /** @type {any} */
    this.timer = null;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    const kept = this.readKept();
    if (kept.length) draft.resume(kept);
    draft.subscribe(() => this.onDraftChange());
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** @returns {{kind: "saved" | "saving" | "offline" | "stopped", count: number, text: string}} */
  state() {
    const count = this.draft.pending.length;
    const changes = count === 1 ? "1 change" : `${count} changes`;
    if (this.stopped) return { kind: "stopped", count, text: this.stopped };
    if (this.failures > 1) {
      return { kind: "offline", count, text: count ? `Offline: ${changes} wait${count === 1 ? "s" : ""}` : "Offline" };
    }
    return count ? { kind: "saving", count, text: `${count} not yet saved` } : { kind: "saved", count, text: "All changes saved" };
  }

  notify() {
    for (const listener of this.listeners) listener();
  }

  onDraftChange() {
    this.keepPending();
    this.notify();
    if (!this.timer) this.flush();
  }

  /** Fetch soon: someone else may have edited, or the connection may be back. */
  nudge() {
    this.mustFetch = true;
    if (!this.timer || this.failures) this.flush();
  }

  async flush() {
    if (this.sending || this.stopped) return;
    this.sending = true;
    clearTimeout(this.timer);
    this.timer = null;
    try {
      while (this.draft.pending.length || this.mustFetch) await this.exchange();
      this.failures = 0;
    } catch (error) {
      this.handleFailure(error);
    }
    this.sending = false;
    this.notify();
  }

  async exchange() {
    this.mustFetch = false;
    const batch = this.draft.pending.slice(0, BATCH);
    const answer = batch.length ? await this.post(batch) : await this.fetchNews();
    this.failures = 0;
    if (!this.draft.receive(answer)) this.draft.reload(await this.json(this.urls.draft));
    if (answer.more) this.mustFetch = true;
    this.notify();
  }

  /** @param {import("../doc/draft.js").Pending[]} operations */
  post(operations) {
    return this.json(this.urls.send, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf() },
      body: JSON.stringify({ since: this.draft.revision, operations }),
    });
  }

  fetchNews() {
    return this.json(`${this.urls.operations}?since=${this.draft.revision}`);
  }

  /** @param {string} url @param {RequestInit} [init] */
  async json(url, init = {}) {
    const signal = AbortSignal.timeout(REQUEST_MS);
    const response = await this.request(url, { credentials: "same-origin", redirect: "manual", signal, ...init });
    if (response.ok) return response.json();
    if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
    throw new Refused(await explainAnswer(response));
  }

  /** @param {unknown} error */
  handleFailure(error) {
    if (error instanceof Refused) this.stopped = error.message;
    else {
      const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
      this.failures += 1;
      this.timer = setTimeout(() => {
        this.timer = null;
        this.mustFetch = true;
        this.flush();
      }, wait);
    }
  }

  keepPending() {
    const { pending } = this.draft;
    try {
      if (pending.length) this.storage?.setItem(this.key, JSON.stringify(pending));
      else this.storage?.removeItem(this.key);
    } catch {
      // Storage may be full or not permitted: the edits are still in memory.
    }
  }

  readKept() {
    try {
      return JSON.parse(this.storage?.getItem(this.key) ?? "[]");
    } catch {
      return [];
    }
  }
}

class Refused extends Error {}

/** @param {Response} response */
async function explainAnswer(response) {
  if (response.type === "opaqueredirect" || response.status === 401) return "Signed out: sign in again in another tab, then reload";
  if (response.status === 403) return "Not saved: you may not edit this flow";
  try {
    const { message, remedy } = await response.json();
    return `Not saved: ${message} ${remedy}`;
  } catch {
    return `Not saved: the server answered ${response.status}`;
  }
}

function readCsrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}
