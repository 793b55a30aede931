// @ts-check
// One socket per page. A nudge becomes the event `live:<group>` (and `live:any`) on body, and whoever
// listens asks the server by HTTP. `data-live="run.12 runs"` on any element, including one that htmx
// brings later, says what to listen to.

import { PONG_MS, QUIET_MS, Sequences, Spacing, collectGroups, computeRetryMs } from "./live-model.js";

const SIGNED_OUT = 4401;

/** @typedef {"none" | "live" | "catching-up" | "offline"} State */

export class Live {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {string[]} */
    this.groups = [];
    this.failures = 0;
    this.wasOpen = false;
    this.ended = false;
    /** @type {State} */
    this.state = "none";
    this.sequences = new Sequences();
    this.spacing = new Spacing();
    /** @type {Map<string, Record<string, unknown>>} */
    this.details = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.quietTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.pongTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
  }

  /** Listen to the groups that the page asks for now. */
  refresh() {
    const elements = document.querySelectorAll("[data-live]");
    const groups = collectGroups([...elements].map((element) => element.getAttribute("data-live")));
    if (groups.join(" ") === this.groups.join(" ")) return;
    this.groups = groups;
    if (groups.length) this.connect();
    this.subscribe();
  }

  connect() {
    const busy = this.socket && this.socket.readyState <= WebSocket.OPEN;
    if (this.ended || busy || !this.groups.length) return;
    clearTimeout(this.retryTimer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.subscribe());
    socket.addEventListener("message", (event) => this.hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      // An old socket may close after the next one has opened.
      if (this.socket === socket) this.lost(event.code);
    });
  }

  subscribe() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ listen: this.groups }));
  }

  /** @param {{ group?: string, payload?: Record<string, unknown>, listening?: string[], refused?: string[], pong?: number }} message */
  hear(message) {
    this.stayAwake();
    if (message.group) {
      const missed = this.sequences.sees(message.group, message.payload?.seq);
      this.fire(message.group, { ...message.payload, missed });
    } else if (message.listening) {
      if (message.refused?.length) console.debug("live: not permitted:", message.refused.join(", "));
      this.opened();
    }
  }

  opened() {
    const again = this.wasOpen;
    this.failures = 0;
    this.wasOpen = true;
    if (again && this.state !== "live") {
      this.catchUp();
      return;
    }
    this.show("live");
    // Ask once for what happened between the rendering of the page and now.
    if (!again) for (const group of this.groups) this.fire(group, { missed: true });
  }

  /** Ask for everything: something may have changed while the connection was down. */
  catchUp() {
    this.show("catching-up");
    for (const group of this.groups) this.fire(group, { missed: true });
    setTimeout(() => {
      if (this.state === "catching-up") this.show("live");
    }, 600);
  }

  stayAwake() {
    clearTimeout(this.quietTimer);
    clearTimeout(this.pongTimer);
    this.quietTimer = setTimeout(() => this.onQuiet(), QUIET_MS);
  }

  onQuiet() {
    for (const group of this.groups) this.fire(group, { missed: true });
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    // A connection that died silently (sleep, a changed network) does not answer.
    this.socket.send(JSON.stringify({ ping: Date.now() }));
    this.pongTimer = setTimeout(() => this.socket && this.drop(), PONG_MS);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.lost(1006);
  }

  /** @param {number} code */
  lost(code) {
    clearTimeout(this.quietTimer);
    clearTimeout(this.pongTimer);
    this.show("offline");
    if (code === SIGNED_OUT) {
      this.ended = true;
      const detail = {
        title: "You are signed out",
        text: "This page no longer updates. Sign in again to continue.",
        tone: "waiting",
        action: "Sign in",
        onAction: () => location.reload(),
        forMs: 0,
      };
      document.dispatchEvent(new CustomEvent("toast", { detail }));
      return;
    }
    this.failures += 1;
    this.retryTimer = setTimeout(() => this.connect(), computeRetryMs(this.failures, Math.random()));
  }

  /**
   * @param {string} group
   * @param {Record<string, unknown>} detail
   */
  fire(group, detail) {
    const missed = Boolean(detail.missed || this.details.get(group)?.missed);
    this.details.set(group, { ...detail, group, missed });
    const wait = this.spacing.ask(group, performance.now());
    if (wait === 0) this.dispatch(group);
    else if (wait !== null) {
      setTimeout(() => {
        this.spacing.markFired(group, performance.now());
        this.dispatch(group);
      }, wait);
    }
  }

  /** @param {string} group */
  dispatch(group) {
    const detail = this.details.get(group);
    this.details.delete(group);
    for (const name of [`live:${group}`, "live:any"]) {
      document.body.dispatchEvent(new CustomEvent(name, { detail }));
    }
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    for (const element of document.querySelectorAll("[data-live-state]")) {
      /** @type {HTMLElement} */ (element).dataset.state = state;
    }
  }
}

/** Start the page's connection, which opens as soon as the page has a `data-live`. */
export function startLive() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const live = new Live(`${scheme}//${location.host}/live/`);
  live.refresh();
  document.addEventListener("htmx:after:swap", () => live.refresh());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live.state === "offline") live.connect();
  });
  window.addEventListener("online", () => live.connect());
  return live;
}
