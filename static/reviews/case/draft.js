// @ts-check
// Saves what is typed on the server within a second.

import { post, getWorkspace } from "./workspace.js";

const WAIT_MS = 500;

export class Draft {
  /**
   * @param {HTMLFormElement} form
   * @param {string} url
   * @param {(url: string, body: FormData) => Promise<Response>} send
   * @param {Element | null} state where the page says whether the draft is saved
   * @param {(answer: any) => void} [onSaved] gets what the server says about what was typed
   */
  constructor(form, url, send, state, onSaved) {
    this.form = form;
    this.url = url;
    this.send = send;
    this.state = state;
    this.onSaved = onSaved;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.sending = false;
    this.again = false;
  }

  /** Save soon: something was typed. */
  touch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), WAIT_MS);
  }

  async save() {
    this.timer = undefined;
    // One request at a time, so that an older draft never overwrites a newer one.
    if (this.sending) {
      this.again = true;
      return;
    }
    this.sending = true;
    const response = await this.send(this.url, new FormData(this.form)).catch(() => null);
    this.sending = false;
    if (this.state) {
      this.state.textContent = response?.ok ? "Draft saved" : "Not saved yet, trying again";
    }
    // If more was typed meanwhile, the next answer is the one that counts.
    if (response?.ok && !this.again && this.timer === undefined) this.onSaved?.(await response.json());
    if (this.again || !response || response.status >= 500) {
      this.again = false;
      this.touch();
    }
  }

  /** Save nothing more: the decision is being sent, and a late draft would outlive it. */
  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.again = false;
  }

  /** Save at once what still waits: the page is going away. */
  flush() {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.send(this.url, new FormData(this.form)).catch(() => null);
  }
}

/** The draft of the case on the page. @type {Draft | null} */
let current = null;

/**
 * @param {HTMLFormElement | null} form
 * @param {(answer: any) => void} onSaved
 */
export function beginDraft(form, onSaved) {
  const state = getWorkspace().querySelector("[data-draft-state]");
  current = form && new Draft(form, getWorkspace().dataset.draft ?? "", post, state, onSaved);
}

export const touchDraft = () => current?.touch();
export const stopDraft = () => current?.stop();
export const flushDraft = () => current?.flush();
