// @ts-check
// What is typed is kept on the server within a second.

const WAIT_MS = 500;

export class Draft {
  /**
   * @param {HTMLFormElement} form
   * @param {string} url
   * @param {(url: string, body: FormData) => Promise<Response>} post
   * @param {Element | null} state where it says whether the draft is kept
   * @param {(answer: any) => void} [kept] told what the server thinks of what is typed
   * @param {() => void} [refused] told that the case is no longer one to type for
   */
  constructor(form, url, post, state, kept, refused) {
    this.kept = kept;
    this.refused = refused;
    this.form = form;
    this.url = url;
    this.post = post;
    this.state = state;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.sending = false;
    this.again = false;
  }

  touch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), WAIT_MS);
  }

  async save() {
    this.timer = undefined;
    // One at a time, so that an older draft never lands on a newer one.
    if (this.sending) {
      this.again = true;
      return;
    }
    this.sending = true;
    const response = await this.post(this.url, new FormData(this.form)).catch(() => null);
    this.sending = false;
    const refusal = response && response.status >= 400 && response.status < 500;
    this.say(response?.ok ? "Draft kept" : refusal ? await reasonOf(response) : "Not kept yet, trying again");
    // The text stays in the form, to be copied; the page says who has the case now.
    if (refusal) this.refused?.();
    // What is typed meanwhile is judged by the next answer.
    if (response?.ok && !this.again && this.timer === undefined) this.kept?.(await response.json());
    if (this.again || !response || response.status >= 500) {
      this.again = false;
      this.touch();
    }
  }

  /** @param {string} text */
  say(text) {
    if (this.state) this.state.textContent = text;
  }

  /** What is typed is being sent as the decision: a late draft would outlive it. */
  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.again = false;
  }

  /** Send what waits at once: the page goes away. */
  flush() {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.post(this.url, new FormData(this.form)).catch(() => null);
  }
}

/**
 * @param {Response} response
 * @returns {Promise<string>} why the draft is not kept
 */
async function reasonOf(response) {
  const answer = await response.json().catch(() => ({}));
  return `Not kept. ${answer.message ?? "Open the case again."}`;
}
