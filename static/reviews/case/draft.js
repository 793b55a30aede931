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
   * @param {() => void} [onRefused] called when the server no longer takes drafts of the case
   */
  constructor(form, url, send, state, onSaved, onRefused) {
    this.form = form;
    this.url = url;
    this.send = send;
    this.state = state;
    this.onSaved = onSaved;
    this.onRefused = onRefused;
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
    const refused = Boolean(response && response.status >= 400 && response.status < 500);
    if (response?.ok) this.say("Draft saved");
    else this.say(response && refused ? await readReason(response) : "Not saved yet, trying again");
    // The text stays in the form, to be copied; the page says who has the case now.
    if (refused) this.onRefused?.();
    // If more was typed meanwhile, the next answer is the one that counts.
    if (response?.ok && !this.again && this.timer === undefined) this.onSaved?.(await response.json());
    if (this.again || !response || response.status >= 500) {
      this.again = false;
      this.touch();
    }
  }

  /** @param {string} text */
  say(text) {
    if (this.state) this.state.textContent = text;
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

/**
 * Why the draft was not saved.
 * @param {Response} response
 */
async function readReason(response) {
  const answer = await response.json().catch(() => ({}));
  return `Not saved. ${answer.message ?? "Open the case again."}`;
}

/** The draft of the case on the page. @type {Draft | null} */
let current = null;

/**
 * @param {HTMLFormElement | null} form
 * @param {(answer: any) => void} onSaved
 * @param {() => void} onRefused
 */
export function beginDraft(form, onSaved, onRefused) {
  const state = getWorkspace().querySelector("[data-draft-state]");
  current = form && new Draft(form, getWorkspace().dataset.draft ?? "", post, state, onSaved, onRefused);
}

export const touchDraft = () => current?.touch();
export const stopDraft = () => current?.stop();
export const flushDraft = () => current?.flush();
