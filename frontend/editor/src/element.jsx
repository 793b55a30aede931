// The custom element <flow-canvas>: loads what its attributes name, draws it, and dispatches events to
// the page.

import "./styles.css";

import { createRoot } from "react-dom/client";

import { Presence } from "./live/presence.js";
import { CanvasModel } from "./model.js";
import { Canvas } from "./view/Canvas.jsx";

let count = 0;

class FlowCanvas extends HTMLElement {
  async connectedCallback() {
    if (this.model || this.loading) return;
    this.loading = true;
    this.setAttribute("aria-busy", "true");
    try {
      this.start(await this.fetchJson(this.dataset.src));
    } catch (error) {
      this.showFailure(error);
    }
    this.loading = false;
    this.removeAttribute("aria-busy");
  }

  disconnectedCallback() {
    // A swap may only move the element: clean up only if it is not put back.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.root?.unmount();
      this.presence?.close();
      this.listeners?.abort();
      this.model = null;
    });
  }

  async fetchJson(url) {
    const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`The flow could not be loaded (${response.status}).`);
    return response.json();
  }

  start(loaded) {
    const { send, operations, src, flow = "" } = this.dataset;
    const mode = this.getAttribute("mode") === "edit" ? "edit" : "view";
    this.model = new CanvasModel(loaded, { mode, urls: { draft: src, send, operations }, key: `editor.${flow}` });
    this.model.say = (text, tone) => this.say(text, tone);
    this.announcer = Object.assign(document.createElement("p"), { className: "sr-only" });
    this.announcer.setAttribute("aria-live", "polite");
    const host = document.createElement("div");
    host.className = "flow-host";
    this.replaceChildren(host, this.announcer);
    if (this.dataset.presence) this.presence = new Presence(this.model.presence, this.dataset.presence, (people) => this.dispatch("flow:presence", { people }));
    this.root = createRoot(host);
    this.root.render(<Canvas model={this.model} host={this} options={this.makeOptions()} />);
    this.listen();
    if (this.dataset.statusSrc) this.refreshStatus();
    if (loaded.statuses) this.model.setStatuses(loaded.statuses);
  }

  makeOptions() {
    return {
      id: `flow-canvas-${(count += 1)}`,
      label: this.dataset.label ?? "Flow",
      focus: this.dataset.focus,
      worker: this.dataset.layoutWorker,
      palette: innerWidth > 1100,
      fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen()),
      onPointer: this.presence ? (point) => this.presence.setPointer(point) : null,
    };
  }

  listen() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const live = (name, act) => document.body.addEventListener(`live:${name}`, act, { signal });
    for (const name of (this.dataset.live ?? "").split(/\s+/).filter(Boolean)) live(name, () => this.refresh());
    this.addEventListener("flow:select", (event) => this.presence?.select(event.detail.steps), { signal });
    const { sync, draft } = this.model;
    if (!sync) return;
    draft.subscribe(() => this.dispatch("flow:changed", { revision: draft.revision }));
    sync.subscribe(() => this.dispatch("flow:state", sync.state()));
    addEventListener("online", () => sync.nudge(), { signal });
    addEventListener("beforeunload", (event) => { if (draft.pending.length) event.preventDefault(); }, { signal });
    this.dispatch("flow:state", sync.state());
    if (draft.pending.length) sync.flush();
  }

  refresh() {
    this.model?.sync?.nudge();
    if (this.dataset.statusSrc) this.refreshStatus();
  }

  /** Fetch the statuses, one request at a time; a call during a request leads to one more after it. */
  async refreshStatus() {
    if (this.asking) return (this.mustAskAgain = true);
    this.asking = true;
    try {
      this.model.setStatuses(await this.fetchJson(this.dataset.statusSrc));
    } catch {
      // The next nudge, or live.js after 20 quiet seconds, asks again.
    }
    this.asking = false;
    if (this.mustAskAgain) {
      this.mustAskAgain = false;
      setTimeout(() => this.refreshStatus(), 100);
    }
    return undefined;
  }

  dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  say(text, tone = "info") {
    this.announcer.textContent = text;
    this.dispatch("flow:said", { text, tone });
  }

  showFailure(error) {
    const box = Object.assign(document.createElement("p"), { className: "canvas-failed", textContent: `${error.message} Reload the page to try again.` });
    box.setAttribute("role", "alert");
    this.replaceChildren(box);
    throw error;
  }

  // For the page around the canvas.

  get document() { return this.model?.document; }
  get draft() { return this.model?.draft; }
  edit(op, label, how) { return this.model.edit(op, label, how); }
  reveal(step) { this.actions?.reveal(step, { centre: true }); }
  /** Keep the selection in sight after the page has changed the canvas's size, which it learns a frame later. */
  keepInSight() { requestAnimationFrame(() => requestAnimationFrame(() => this.actions?.showChosen())); }
  setStatuses(statuses) { this.model.setStatuses(statuses); }
  setProblems(found) { this.model.setProblems(found); }
}

customElements.define("flow-canvas", FlowCanvas);
