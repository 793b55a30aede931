// @ts-check
// The documents beside the values: one tab each, and boxes that are bound to fields both ways.

import { Viewer } from "./viewer.js";
import { stepZoom } from "./zoom.js";

/** Stays as it is from case to case. */
const zoom = { factor: 1 };
/** The documents of the case on the page. @type {Documents | null} */
let shown = null;

class Documents {
  /**
   * @param {HTMLElement} section
   * @param {HTMLElement} workspace
   */
  constructor(section, workspace) {
    this.tabs = /** @type {HTMLElement[]} */ ([...section.querySelectorAll("[role=tab]")]);
    const panels = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".document")]);
    this.viewers = new Map(panels.map((panel) => [panel.id, new Viewer(panel, workspace, zoom)]));
    section.addEventListener("click", (event) => this.onClick(event));
    section.addEventListener("keydown", (event) => this.onKey(event));
    workspace.addEventListener("focusin", (event) => this.onFocus(event));
    workspace.addEventListener("case:mark", (event) => this.onMark(event));
    if (this.tabs[0]) this.open(this.tabs[0]);
    new ResizeObserver(() => this.resize()).observe(section);
  }

  /** @param {HTMLElement} tab */
  open(tab) {
    for (const each of this.tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      const panel = document.getElementById(each.getAttribute("aria-controls") ?? "");
      if (!panel) continue;
      panel.hidden = !chosen;
      if (chosen) this.viewers.get(panel.id)?.load();
    }
  }

  /** Open the documents that show a field's value, and mark it there. @param {string} key */
  showField(key) {
    for (const [id, viewer] of this.viewers) {
      if (!viewer.boxes.some((box) => box.key === key)) continue;
      const tab = this.tabs.find((each) => each.getAttribute("aria-controls") === id);
      if (tab) this.open(tab);
      viewer.mark(key);
    }
  }

  resize() {
    for (const viewer of this.viewers.values()) viewer.resize();
  }

  close() {
    for (const viewer of this.viewers.values()) viewer.close();
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const tab = /** @type {HTMLElement | null} */ (target.closest("[role=tab]"));
    if (tab) this.open(tab);
    const direction = target.closest("[data-zoom]")?.getAttribute("data-zoom");
    if (!direction) return;
    zoom.factor = stepZoom(zoom.factor, Number(direction));
    this.resize();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { tabs } = this;
    const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !by) return;
    event.preventDefault();
    const tab = tabs[(at + by + tabs.length) % tabs.length];
    this.open(tab);
    tab.focus();
  }

  /** @param {Event} event a field has the focus */
  onFocus(event) {
    const field = /** @type {Element} */ (event.target).closest(".shown-field[data-key]");
    const key = field?.getAttribute("data-key");
    if (key) this.showField(key);
  }

  /** @param {Event} event a reason rests on a field, or on a whole document */
  onMark(event) {
    const key = String(/** @type {CustomEvent<string>} */ (event).detail);
    const tab = this.tabs.find((each) => each.dataset.document === key);
    if (tab) this.open(tab);
    else this.showField(key);
  }
}

/** @param {HTMLElement} workspace */
export function showDocuments(workspace) {
  shown?.close();
  const section = /** @type {HTMLElement | null} */ (workspace.querySelector("[data-documents]"));
  shown = section && new Documents(section, workspace);
}
