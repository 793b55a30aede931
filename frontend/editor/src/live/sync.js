// @ts-check
// Sends pending edits in order, one request at a time, and fetches what others did. What is not
// acknowledged is kept in this tab's storage and sent again under the same ids.

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
  constructor(draft, urls, key, { fetch: ask = (...all) => fetch(...all), storage = sessionStorage, csrf = csrfToken } = {}) {
    this.draft = draft;
    this.urls = urls;
    this.key = key;
    this.ask = ask;
    this.storage = storage;
    this.csrf = csrf;
    this.sending = false;
    this.asked = false;
    this.failures = 0;
    /** @type {string} why nothing can be saved, until the page is loaded again */
    this.stopped = "";
    /** @type {any} */
    this.timer = null;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    const kept = this.kept();
    if (kept.length) draft.resume(kept);
    draft.subscribe(() => this.noticed());
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

  told() {
    for (const listener of this.listeners) listener();
  }

  noticed() {
    this.keep();
    this.told();
    if (!this.timer) this.flush();
  }

  /** Someone else edited, or the line may be back. */
  nudge() {
    this.asked = true;
    if (!this.timer || this.failures) this.flush();
  }

  async flush() {
    if (this.sending || this.stopped) return;
    this.sending = true;
    clearTimeout(this.timer);
    this.timer = null;
    try {
      while (this.draft.pending.length || this.asked) await this.exchange();
      this.failures = 0;
    } catch (error) {
      this.failed(error);
    }
    this.sending = false;
    this.told();
  }

  async exchange() {
    this.asked = false;
    const batch = this.draft.pending.slice(0, BATCH);
    const answer = batch.length ? await this.post(batch) : await this.get();
    this.failures = 0;
    if (!this.draft.receive(answer)) this.draft.reload(await this.json(this.urls.draft));
    if (answer.more) this.asked = true;
    this.told();
  }

  /** @param {import("../doc/draft.js").Pending[]} operations */
  post(operations) {
    return this.json(this.urls.send, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf() },
      body: JSON.stringify({ since: this.draft.revision, operations }),
    });
  }

  get() {
    return this.json(`${this.urls.operations}?since=${this.draft.revision}`);
  }

  /** @param {string} url @param {RequestInit} [init] */
  async json(url, init = {}) {
    const signal = AbortSignal.timeout(REQUEST_MS);
    const response = await this.ask(url, { credentials: "same-origin", redirect: "manual", signal, ...init });
    if (response.ok) return response.json();
    if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
    throw new Refused(await reason(response));
  }

  /** @param {unknown} error */
  failed(error) {
    if (error instanceof Refused) this.stopped = error.message;
    else {
      const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
      this.failures += 1;
      this.timer = setTimeout(() => {
        this.timer = null;
        this.asked = true;
        this.flush();
      }, wait);
    }
  }

  keep() {
    const { pending } = this.draft;
    try {
      if (pending.length) this.storage?.setItem(this.key, JSON.stringify(pending));
      else this.storage?.removeItem(this.key);
    } catch {
      // Storage may be full or forbidden: the edits are still in memory.
    }
  }

  kept() {
    try {
      return JSON.parse(this.storage?.getItem(this.key) ?? "[]");
    } catch {
      return [];
    }
  }
}

class Refused extends Error {}

/** @param {Response} response */
async function reason(response) {
  if (response.type === "opaqueredirect" || response.status === 401) return "Signed out: sign in again in another tab, then reload";
  if (response.status === 403) return "Not saved: you may not edit this flow";
  try {
    const { message, remedy } = await response.json();
    return `Not saved: ${message} ${remedy}`;
  } catch {
    return `Not saved: the server answered ${response.status}`;
  }
}

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}
