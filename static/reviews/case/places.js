// @ts-check
// The places that people mark: kept beside each field in the form of the decision, and shown there.

import { readAs } from "./place.js";

/** @typedef {import("./place.js").At} At */
/** @typedef {{ document: string, page: number, at: At }} Place */
/** @typedef {import("./fields.js").Input} Input */

export class Places {
  /**
   * @param {HTMLElement} workspace
   * @param {(key: string, place: Place | null) => void} changed called with each place that is marked
   */
  constructor(workspace, changed) {
    this.workspace = workspace;
    this.changed = changed;
  }

  /** @param {string} key @returns {HTMLElement | null} */
  findField(key) {
    return this.workspace.querySelector(`.shown-field[data-key="${CSS.escape(key)}"]`);
  }

  /** @param {string} key @returns {HTMLInputElement | null} */
  findKept(key) {
    return this.findField(key)?.querySelector("[data-place]") ?? null;
  }

  /** @param {string} key */
  canMark(key) {
    return this.findKept(key) !== null;
  }

  /** @param {string} key */
  label(key) {
    const label = this.findField(key)?.querySelector(".shown-label")?.firstChild?.textContent;
    return label?.trim() || key;
  }

  /** What a person has marked, by field. @returns {[string, Place][]} */
  list() {
    const kept = /** @type {NodeListOf<HTMLInputElement>} */ (this.workspace.querySelectorAll("[data-place]"));
    return [...kept].flatMap((input) => {
      const key = /** @type {HTMLElement} */ (input.closest("[data-key]")).dataset.key ?? "";
      const place = this.get(key);
      return place ? [/** @type {[string, Place]} */ ([key, place])] : [];
    });
  }

  /** @param {string} key @returns {Place | null} */
  get(key) {
    const text = this.findKept(key)?.value;
    try {
      const place = text ? JSON.parse(text) : null;
      return Array.isArray(place?.at) ? place : null;
    } catch {
      return null;
    }
  }

  /**
   * Keep a place; null restores the one that the case came with.
   * @param {string} key
   * @param {Place | null} place
   */
  set(key, place) {
    const kept = this.findKept(key);
    const text = place ? JSON.stringify(place) : "";
    if (!kept || kept.value === text) return;
    kept.value = text;
    // The draft is saved, and a free case claimed, as for what is typed.
    kept.dispatchEvent(new Event("input", { bubbles: true }));
    this.changed(key, place);
  }

  /**
   * Put a text of the page into the field. What no such value can be is left to the person.
   * @param {string} key
   * @param {string} text
   */
  use(key, text) {
    const input = /** @type {Input | null} */ (this.findField(key)?.querySelector(".shown-value [name]"));
    if (!input) return false;
    const value = input instanceof HTMLSelectElement ? chooseOption(input, text) : readAs(text, kindOf(input));
    const note = this.findField(key)?.querySelector("[data-unread]");
    if (note instanceof HTMLElement) {
      note.hidden = value !== null;
      note.textContent = `“${text}” could not be taken as the value. Type it.`;
    }
    if (value !== null) {
      input.value = value;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    this.focus(key);
    return value !== null;
  }

  /** Go to the field: to the reason, if it wants one. @param {string} key */
  focus(key) {
    const field = this.findField(key);
    const why = field?.querySelector("[data-override]:not([hidden]) .input");
    const input = why instanceof HTMLInputElement && !why.value ? why : field?.querySelector(".shown-value [name]");
    if (input instanceof HTMLElement) input.focus();
    field?.scrollIntoView({ block: "nearest" });
  }
}

/** @param {Input} input @returns {"text" | "number" | "date"} */
function kindOf(input) {
  if (input instanceof HTMLInputElement && input.type === "date") return "date";
  return input.inputMode === "decimal" || input.inputMode === "numeric" ? "number" : "text";
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} text
 */
function chooseOption(select, text) {
  const wanted = text.trim().toLowerCase();
  const found = [...select.options].find((each) => [each.value, each.text].some((one) => one.trim().toLowerCase() === wanted));
  return found ? found.value : null;
}
