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
   */
  constructor(form, url, post, state, kept) {
    this.kept = kept;
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
    if (this.state) {
      this.state.textContent = response?.ok ? "Draft kept" : "Not kept yet, trying again";
    }
    // What is typed meanwhile is judged by the next answer.
    if (response?.ok && !this.again && this.timer === undefined) this.kept?.(await response.json());
    if (this.again || !response || response.status >= 500) {
      this.again = false;
      this.touch();
    }
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
