// @ts-check
// The documents beside the values: one tab each, and boxes that are bound to fields both ways.

import { Marking } from "./marking.js";
import { joinAt, listWords } from "./place.js";
import { Places } from "./places.js";
import { Viewer } from "./viewer.js";
import { showWhere } from "./where.js";
import { stepZoom } from "./zoom.js";

/** @typedef {import("./places.js").Place} Place */

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
    this.section = section;
    this.workspace = workspace;
    this.tabs = /** @type {HTMLElement[]} */ ([...section.querySelectorAll("[role=tab]")]);
    const panels = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".document")]);
    this.viewers = new Map(panels.map((panel) => [panel.id, new Viewer(panel, workspace, zoom)]));
    /** What each field came with, before anyone marks another place. */
    this.given = new Map([...this.viewers.values()].map((viewer) => [viewer.id, viewer.boxes]));
    this.places = new Places(workspace, (key, place) => this.movePlace(key, place));
    this.marking = new Marking(section, this, this.places);
    this.current = "";
    section.addEventListener("click", (event) => this.onClick(event));
    section.addEventListener("keydown", (event) => this.onKey(event));
    workspace.addEventListener("focusin", (event) => this.onFocus(event));
    workspace.addEventListener("case:mark", (event) => this.onMark(event));
    workspace.addEventListener("click", (event) => this.onFieldClick(event));
    for (const [key, place] of this.places.list()) this.movePlace(key, place);
    this.beginFields();
    if (this.tabs[0]) this.open(this.tabs[0]);
    new ResizeObserver(() => this.resize()).observe(section);
  }

  /** Show at each field where it was read, and what its place can be marked with. */
  beginFields() {
    const canMark = [...this.viewers.values()].some((viewer) => viewer.hasPages);
    const fields = /** @type {NodeListOf<HTMLElement>} */ (this.workspace.querySelectorAll(".shown-field[data-key]"));
    for (const field of fields) {
      const button = /** @type {HTMLElement | null} */ (field.querySelector("[data-mark]"));
      if (button) button.hidden = !canMark;
      this.showWhere(field.dataset.key ?? "");
    }
  }

  /** The document on view. */
  showing() {
    return [...this.viewers.values()].find((viewer) => !viewer.panel.hidden);
  }

  /** @param {{ document: string }} place */
  viewerOf({ document: id }) {
    return [...this.viewers.values()].find((viewer) => viewer.id === id);
  }

  /** Where a field stands now. @param {string} key @returns {Place | null} */
  placeOf(key) {
    for (const viewer of this.viewers.values()) {
      const box = viewer.boxes.find((each) => each.key === key);
      if (box) return { document: viewer.id, page: box.page, at: box.at };
    }
    return null;
  }

  /**
   * Show a field where a person marks it, or where it was when they restore that.
   * @param {string} key
   * @param {Place | null} place
   */
  movePlace(key, place) {
    for (const viewer of this.viewers.values()) {
      const given = (this.given.get(viewer.id) ?? []).filter((box) => box.key === key);
      const marked = place?.document === viewer.id ? [{ key, page: place.page, at: place.at }] : [];
      viewer.setBoxes(key, place ? marked : given);
    }
    this.showWhere(key);
  }

  /** @param {string} key */
  showWhere(key) {
    const field = this.places.findField(key);
    const place = this.placeOf(key);
    const viewer = place && this.viewerOf(place);
    const found = place && viewer ? { viewer, page: place.page, at: place.at } : null;
    if (field) showWhere(field, found, Boolean(this.places.get(key))).catch(() => {});
  }

  /** @param {HTMLElement | Viewer} tab a tab, or what it shows */
  open(tab) {
    if (tab instanceof Viewer) {
      const found = this.tabs.find((each) => each.dataset.document === tab.id);
      if (!found) return;
      tab = found;
    }
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
    if (!key) return;
    this.current = this.places.canMark(key) ? key : "";
    if (!this.marking.isOn) this.showField(key);
  }

  /** @param {MouseEvent} event */
  onFieldClick(event) {
    const target = /** @type {Element} */ (event.target);
    const button = target.closest("[data-mark], [data-unmark], [data-show-place]");
    const key = button?.closest("[data-key]")?.getAttribute("data-key");
    if (!button || !key) return;
    if (button.matches("[data-mark]")) this.marking.begin(key, event.detail === 0);
    else if (button.matches("[data-unmark]")) {
      this.places.set(key, null);
      this.places.focus(key);
    } else {
      this.showField(key);
      this.section.scrollIntoView({ block: "nearest" });
    }
  }

  /** Offer what is selected on a page for the field that was in focus. */
  onSelection() {
    const selection = document.getSelection();
    const layer = selection?.anchorNode?.parentElement?.closest(".document-words");
    const viewer = this.showing();
    const page = viewer?.pages.find(({ element }) => layer && element.contains(layer));
    if (!viewer || !page || !selection || selection.isCollapsed) {
      this.marking.offerSelected("", null);
      return;
    }
    const words = listWords(viewer.words.get(page.number));
    const taken = [...page.element.querySelectorAll(".document-words span")]
      .flatMap((span, number) => (selection.containsNode(span, true) ? [words[number]] : []));
    const text = taken.map((word) => word.text).join(" ");
    const at = taken.length ? joinAt(taken.map((word) => word.at)) : null;
    const place = at && { document: viewer.id, page: page.number, at };
    this.marking.offerSelected(this.current, place && { place, text });
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
  listenForSelection();
  shown?.close();
  const section = /** @type {HTMLElement | null} */ (workspace.querySelector("[data-documents]"));
  shown = section && new Documents(section, workspace);
}

let listens = false;

/** What is selected is a matter of the whole page, which outlives each case on it. */
function listenForSelection() {
  if (listens) return;
  listens = true;
  document.addEventListener("selectionchange", () => shown?.onSelection());
}
