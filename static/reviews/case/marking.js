// @ts-check
// Marking where a field stands: a frame is drawn, moved and resized on a page, or words are taken.
// What is marked counts at once, as what is typed does, and can be restored.

import {
  describeAt,
  findWordAt,
  findWords,
  joinAt,
  listWords,
  moveAt,
  resizeAt,
  spanAt,
  stepWords,
} from "./place.js";

/** @typedef {import("./place.js").At} At */
/** @typedef {import("./places.js").Place} Place */
/** @typedef {import("./viewer.js").Viewer} Viewer */
/** @typedef {import("./viewer.js").Page} Page */
/** @typedef {{ x: number, y: number }} Point */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.005;
/** @type {At} */
const FIRST = [0.3, 0.3, 0.4, 0.05];
// A press that moves less is a click.
const DRAG_PX = 4;

export class Marking {
  /**
   * @param {HTMLElement} section
   * @param {{ showing: () => Viewer | undefined, viewerOf: (place: Place) => Viewer | undefined,
   *   placeOf: (key: string) => Place | null, open: (viewer: Viewer) => void }} documents
   * @param {{ get: (key: string) => Place | null, set: (key: string, place: Place | null) => void,
   *   label: (key: string) => string, use: (key: string, text: string) => boolean,
   *   focus: (key: string) => void }} places
   */
  constructor(section, documents, places) {
    this.section = section;
    this.documents = documents;
    this.places = places;
    this.bar = /** @type {HTMLElement} */ (section.querySelector("[data-marking]"));
    this.key = "";
    /** What Escape goes back to. @type {Place | null} */
    this.before = null;
    /** @type {Place | null} */
    this.place = null;
    this.frame = makeFrame();
    /** What is selected on a page, outside marking. @type {{ place: Place, text: string } | null} */
    this.selected = null;
    section.addEventListener("pointerdown", (event) => this.onPress(event));
    section.addEventListener("keydown", (event) => this.onKey(event));
    this.bar.addEventListener("click", (event) => this.onClick(event));
  }

  get isOn() {
    return Boolean(this.key);
  }

  /**
   * Begin to mark a field. By keyboard there is a frame at once, to be moved.
   * @param {string} key
   * @param {boolean} byKeyboard
   */
  begin(key, byKeyboard) {
    this.end();
    this.key = key;
    this.before = this.places.get(key);
    this.place = this.documents.placeOf(key);
    this.section.classList.add("is-marking");
    const viewer = (this.place && this.documents.viewerOf(this.place)) ?? this.documents.showing();
    if (viewer) this.documents.open(viewer);
    if (!this.place && byKeyboard) this.putFirst();
    this.show();
    this.section.scrollIntoView({ block: "nearest" });
    if (this.place) this.focusFrame();
    else this.find("[data-marking-done]").focus();
  }

  end() {
    this.key = "";
    this.place = null;
    this.frame.remove();
    this.section.classList.remove("is-marking");
    this.bar.hidden = true;
  }

  /** Leave marking, and go back to the field. */
  finish() {
    const { key } = this;
    this.end();
    if (key) this.places.focus(key);
  }

  cancel() {
    this.places.set(this.key, this.before);
    this.finish();
  }

  /** Put a frame where the person looks. */
  putFirst() {
    const viewer = this.documents.showing();
    const page = viewer?.findPageInView();
    if (viewer && page) this.set({ document: viewer.id, page: page.number, at: FIRST });
  }

  /** @param {Place} place */
  set(place) {
    this.place = place;
    this.places.set(this.key, place);
    this.show();
  }

  show() {
    const page = this.place && this.documents.viewerOf(this.place)?.findPage(this.place.page);
    if (this.place && page) {
      if (this.frame.parentElement !== page.element) page.element.append(this.frame);
      setAt(this.frame, this.place.at);
    }
    this.showBar();
  }

  showBar() {
    const label = this.places.label(this.key);
    const text = this.place ? this.textAt(this.place) : "";
    this.frame.setAttribute("aria-label", `Where ${label} stands`);
    this.bar.hidden = false;
    this.bar.dataset.mode = "marking";
    this.find("[data-marking-title]").textContent = `Where does ${label} stand?`;
    this.offer(text, text ? `Use “${shorten(text)}” as the value` : "");
    this.find("[data-marking-done]").hidden = false;
    this.find("[data-marking-status]").textContent = this.place
      ? `Page ${this.place.page}, ${describeAt(this.place.at)}${text ? `: ${text}` : ""}`
      : "";
  }

  /**
   * @param {string} text
   * @param {string} words
   */
  offer(text, words) {
    const button = this.find("[data-marking-use]");
    button.hidden = !text;
    button.textContent = words;
    button.dataset.text = text;
  }

  /** @param {string} selector */
  find(selector) {
    return /** @type {HTMLElement} */ (this.bar.querySelector(selector));
  }

  /** @param {Place} place */
  textAt(place) {
    const words = this.wordsOf(place);
    return findWords(words, place.at).map((number) => words[number].text).join(" ");
  }

  /** @param {Place} place */
  wordsOf(place) {
    return listWords(this.documents.viewerOf(place)?.words.get(place.page));
  }

  // --- Selecting text, outside marking ---------------------------------------------

  /**
   * Offer what is selected on a page for the field that is in focus.
   * @param {string} key
   * @param {{ place: Place, text: string } | null} selected
   */
  offerSelected(key, selected) {
    if (this.isOn) return;
    this.selected = key ? selected : null;
    this.bar.hidden = !this.selected;
    if (!this.selected) return;
    this.bar.dataset.mode = "selecting";
    this.find("[data-marking-title]").textContent = `“${shorten(this.selected.text)}” is selected`;
    this.find("[data-marking-done]").hidden = true;
    this.find("[data-marking-status]").textContent = "";
    this.offer(this.selected.text, `Use for ${this.places.label(key)}`);
    this.find("[data-marking-use]").dataset.key = key;
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-marking-done]")) this.finish();
    const use = /** @type {HTMLElement | null} */ (target.closest("[data-marking-use]"));
    if (!use) return;
    const key = this.key || (use.dataset.key ?? "");
    if (this.selected && !this.isOn) this.places.set(key, this.selected.place);
    const text = use.dataset.text ?? "";
    this.selected = null;
    this.end();
    this.places.use(key, text);
  }

  // --- Pointer ---------------------------------------------------------------------

  /** @param {PointerEvent} event */
  onPress(event) {
    if (!this.isOn || event.button !== 0) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const element = target.closest(".document-page");
    const viewer = this.documents.showing();
    const page = viewer?.pages.find((each) => each.element === element);
    if (!viewer || !page) return;
    const onFrame = this.frame.contains(target);
    // A finger scrolls the page, and taps where the frame is to be.
    if (event.pointerType !== "mouse" && !onFrame) {
      page.element.addEventListener("click", (click) => this.pick(viewer, page, pointOf(click, page)), { once: true });
      return;
    }
    event.preventDefault();
    this.drag(event, viewer, page, onFrame ? (target.dataset.edges ?? "move") : "draw");
  }

  /**
   * @param {PointerEvent} press
   * @param {Viewer} viewer
   * @param {Page} page
   * @param {string} how draw, move, or the edges that move
   */
  drag(press, viewer, page, how) {
    const from = pointOf(press, page);
    const began = this.place?.at ?? FIRST;
    const here = { document: viewer.id, page: page.number };
    let moved = false;
    page.element.setPointerCapture(press.pointerId);
    /** @param {PointerEvent} event */
    const onMove = (event) => {
      moved ||= Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) >= DRAG_PX;
      if (!moved) return;
      const to = pointOf(event, page);
      const [dx, dy] = [to.x - from.x, to.y - from.y];
      if (how === "draw") this.set({ ...here, at: spanAt(from, to) });
      else if (how === "move") this.set({ ...here, at: moveAt(began, dx, dy) });
      else this.set({ ...here, at: resizeAt(began, how, dx, dy) });
    };
    const onEnd = () => {
      page.element.removeEventListener("pointermove", onMove);
      page.element.removeEventListener("pointerup", onEnd);
      page.element.removeEventListener("pointercancel", onEnd);
      if (!moved && how === "draw") this.pick(viewer, page, from, press.shiftKey);
      this.frame.focus({ preventScroll: true });
    };
    page.element.addEventListener("pointermove", onMove);
    page.element.addEventListener("pointerup", onEnd);
    page.element.addEventListener("pointercancel", onEnd);
  }

  /**
   * Take the word at a point; where there is none, put the frame there.
   * @param {Viewer} viewer
   * @param {Page} page
   * @param {Point} point
   * @param {boolean} [more] whether what is taken stays
   */
  pick(viewer, page, point, more = false) {
    if (!this.isOn) return;
    const words = listWords(viewer.words.get(page.number));
    const word = words[findWordAt(words, point)];
    const here = { document: viewer.id, page: page.number };
    const same = this.place?.document === viewer.id && this.place.page === page.number;
    if (word) {
      this.set({ ...here, at: more && same && this.place ? joinAt([this.place.at, word.at]) : joinAt([word.at]) });
      return;
    }
    const [, , width, height] = same && this.place ? this.place.at : FIRST;
    this.set({ ...here, at: moveAt([point.x - width / 2, point.y - height / 2, width, height], 0, 0) });
  }

  // --- Keyboard --------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.isOn || event.altKey) return;
    const done = event.target === this.frame && event.key === "Enter" && !event.ctrlKey;
    if (event.key === "Escape") this.cancel();
    else if (done) this.finish();
    else if (event.key === "PageDown" || event.key === "PageUp") this.turn(event.key === "PageDown" ? 1 : -1);
    else if (event.key in ARROWS) this.step(event);
    else if (event.key !== "Tab" || !this.passFocus(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * The frame and the buttons follow each other, wherever the frame is on the page.
   * @param {KeyboardEvent} event
   */
  passFocus(event) {
    const first = this.bar.querySelector("button:not([hidden])");
    if (event.target === this.frame && !event.shiftKey && first instanceof HTMLElement) first.focus();
    else if (event.target === first && event.shiftKey && this.place) this.focusFrame();
    else return false;
    return true;
  }

  focusFrame() {
    this.frame.focus({ preventScroll: true });
    this.frame.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    if (!this.place) this.putFirst();
    if (!this.place) return;
    const [x, y] = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    if (event.ctrlKey || event.metaKey) this.stepWord(x || y, event.shiftKey);
    else if (event.shiftKey) this.set({ ...this.place, at: resizeAt(this.place.at, "se", x * STEP, y * STEP) });
    else this.set({ ...this.place, at: moveAt(this.place.at, x * STEP, y * STEP) });
    this.focusFrame();
  }

  /**
   * @param {number} by
   * @param {boolean} more
   */
  stepWord(by, more) {
    if (!this.place) return;
    const words = this.wordsOf(this.place);
    if (!words.length) return;
    const [first, last] = stepWords(findWords(words, this.place.at), words.length, by, more);
    this.set({ ...this.place, at: joinAt(words.slice(first, last + 1).map(({ at }) => at)) });
  }

  /** Move the frame to another page. @param {number} by */
  turn(by) {
    if (!this.place) this.putFirst();
    if (!this.place) return;
    const page = this.documents.viewerOf(this.place)?.findPage(this.place.page + by);
    if (page) this.set({ ...this.place, page: page.number });
    this.focusFrame();
  }
}

/**
 * Where a pointer is on a page, in shares.
 * @param {MouseEvent} event
 * @param {Page} page
 * @returns {Point}
 */
function pointOf(event, page) {
  const box = page.element.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

/** The frame with its handles. The keys it takes are those of a drawing, which no role has. */
function makeFrame() {
  const frame = document.createElement("div");
  frame.className = "place-frame";
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-describedby", "marking-help");
  for (const edges of ["nw", "n", "ne", "e", "se", "s", "sw", "w"]) {
    const handle = document.createElement("span");
    handle.dataset.edges = edges;
    frame.append(handle);
  }
  return frame;
}

/**
 * @param {HTMLElement} element
 * @param {At} at
 */
export function setAt(element, at) {
  const [left, top, width, height] = at.map((share) => `${share * 100}%`);
  Object.assign(element.style, { left, top, width, height });
}

/** @param {string} text */
const shorten = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);
