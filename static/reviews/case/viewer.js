// @ts-check
// One document: its pages, and the boxes on them that are bound to fields.

import { setAt } from "./marking.js";
import { makeWords } from "./words.js";
import { fitWidth } from "./zoom.js";

const PDF = new URL("../../vendor/pdfjs/pdf.min.mjs", import.meta.url).href;
const PDF_WORKER = new URL("../../vendor/pdfjs/pdf.worker.min.mjs", import.meta.url).href;
const PDF_FONTS = new URL("../../vendor/pdfjs/standard_fonts/", import.meta.url).href;

/** @typedef {{ key: string, page: number, at: [number, number, number, number], text?: string, confidence?: number | null }} Box */
/** @typedef {{ element: HTMLElement, number: number, width: number, height: number, draw?: (scale: number) => Promise<void> }} Page */

/** @typedef {import("./words.js").PageWords} PageWords */

/** One worker for all documents: each new one reads a megabyte of script. @type {any} */
let pdfWorker = null;

export class Viewer {
  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} workspace
   * @param {{ factor: number }} zoom one for all documents
   */
  constructor(panel, workspace, zoom) {
    this.panel = panel;
    this.id = panel.dataset.evidence ?? "";
    this.title = panel.dataset.title ?? "";
    this.workspace = workspace;
    this.zoom = zoom;
    this.holder = /** @type {HTMLElement} */ (panel.querySelector("[data-pages]"));
    /** @type {Box[]} */
    this.boxes = JSON.parse(panel.querySelector("[data-boxes]")?.textContent || "[]");
    /** @type {Page[]} */
    this.pages = [];
    /** What was read on the pages, by their numbers. @type {Map<number, PageWords>} */
    this.words = new Map();
    this.marked = "";
    /** @type {Promise<void> | null} */
    this.loading = null;
    /** @type {any} */
    this.pdf = null;
  }

  /** Whether it is an image of which nothing was read: a place on it is evidence by itself. */
  get isPlainImage() {
    return (this.panel.dataset.mediaType ?? "").startsWith("image/") && !this.panel.dataset.words;
  }

  /** Whether it has pages to mark places on. */
  get hasPages() {
    const { mediaType = "", source, words } = this.panel.dataset;
    return Boolean(source) && (mediaType === "application/pdf" || mediaType.startsWith("image/") || Boolean(words));
  }

  /** @param {number} number */
  findPage(number) {
    return this.pages.find((page) => page.number === number);
  }

  /** The first page of which the person sees something. */
  findPageInView() {
    const { top } = this.panel.getBoundingClientRect();
    return this.pages.find(({ element }) => element.getBoundingClientRect().bottom > top + 40) ?? this.pages[0];
  }

  /**
   * Show other boxes for a field.
   * @param {string} key
   * @param {Box[]} boxes
   */
  setBoxes(key, boxes) {
    this.boxes = [...this.boxes.filter((box) => box.key !== key), ...boxes];
    for (const old of this.panel.querySelectorAll(`[data-box-key="${CSS.escape(key)}"]`)) old.remove();
    for (const box of boxes) this.findPage(box.page)?.element.append(this.makeBox(box));
    if (this.marked === key) this.mark(key);
  }

  /** Free what the worker holds of the document. */
  close() {
    this.pdf?.destroy();
  }

  load() {
    this.loading ??= this.open().catch((error) => this.showFailure(error));
    return this.loading;
  }

  async open() {
    const { source, words, mediaType = "" } = this.panel.dataset;
    if (!source) return;
    if (words) await this.loadWords(words);
    if (mediaType === "application/pdf") await this.openPdf(source);
    else if ([...this.words.values()].some((page) => page.image)) await this.openPages();
    else if (mediaType.startsWith("image/")) await this.openImage(source);
    else if (mediaType.startsWith("audio/")) this.openAudio(source);
    this.resize();
    if (this.marked) this.mark(this.marked);
  }

  /** The document is shown without them, if they cannot be had. @param {string} address */
  async loadWords(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { pages } = await answer.json();
    this.words = new Map(pages.map((/** @type {PageWords} */ page) => [page.number, page]));
  }

  /** @param {unknown} error */
  showFailure(error) {
    console.warn("document:", error);
    const text = document.createElement("p");
    text.className = "muted small";
    text.textContent =
      "This document cannot be shown here. Read its text below if it has one, or open it in a new tab.";
    this.holder.replaceChildren(text);
    const details = this.panel.querySelector("details");
    if (details) details.open = true;
  }

  /** @param {string} source */
  async openPdf(source) {
    const pdfjs = await import(PDF);
    pdfjs.GlobalWorkerOptions.workerSrc = PDF_WORKER;
    pdfWorker ??= new pdfjs.PDFWorker();
    this.pdf = pdfjs.getDocument({
      url: source,
      worker: pdfWorker,
      standardFontDataUrl: PDF_FONTS,
      isEvalSupported: false,
      enableXfa: false,
    });
    const pdf = await this.pdf.promise;
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const page = await pdf.getPage(number);
      const rotation = (page.rotate + (this.words.get(number)?.turned ?? 0)) % 360;
      const { width, height } = page.getViewport({ scale: 1, rotation });
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      this.addPage(canvas, width, height, number, async (scale) => {
        const viewport = page.getViewport({ scale: scale * (window.devicePixelRatio || 1), rotation });
        canvas.width = Math.round(viewport.width);
        canvas.height = Math.round(viewport.height);
        await page.render({ canvas, viewport }).promise;
      });
    }
  }

  /** @param {string} source */
  async openImage(source) {
    const alt = this.panel.querySelector("pre")?.textContent?.slice(0, 200) || "Document";
    const image = await loadImage(source, alt);
    const turned = this.words.get(1)?.turned;
    if (!turned) {
      this.addPage(image, image.naturalWidth, image.naturalHeight, 1);
      return;
    }
    const canvas = drawTurned(image, turned);
    this.addPage(canvas, canvas.width, canvas.height, 1);
  }

  /** The images of its pages, which were put upright when they were read. */
  async openPages() {
    for (const page of this.words.values()) {
      if (!page.image) continue;
      const image = await loadImage(page.image, `Page ${page.number}`);
      this.words.set(page.number, { ...page, skew: 0 });
      this.addPage(image, image.naturalWidth, image.naturalHeight, page.number);
    }
  }

  /** @param {string} source */
  openAudio(source) {
    const audio = document.createElement("audio");
    audio.controls = true;
    audio.src = source;
    this.holder.append(audio);
  }

  /**
   * @param {HTMLElement} content
   * @param {number} width
   * @param {number} height
   * @param {number} number
   * @param {(scale: number) => Promise<void>} [draw]
   */
  addPage(content, width, height, number, draw) {
    const element = document.createElement("div");
    element.className = "document-page";
    const words = this.words.get(number);
    element.append(words?.skew ? straighten(content, words.skew) : content);
    if (words?.lines.length) element.append(makeWords(words, width / height));
    for (const box of this.boxes.filter((each) => each.page === number)) element.append(this.makeBox(box));
    this.holder.append(element);
    this.pages.push({ element, number, width, height, draw });
  }

  /** @param {Box} box */
  makeBox(box) {
    const field = this.findField(box.key);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "document-box";
    button.dataset.boxKey = box.key;
    button.dataset.tone = chooseTone(box.confidence ?? (Number(field?.dataset.confidence) || null));
    const label = field?.querySelector(".shown-label")?.textContent ?? box.key;
    button.setAttribute("aria-label", `${label}: ${box.text ?? ""}`);
    setAt(button, box.at);
    button.addEventListener("click", () => this.goToField(box.key));
    return button;
  }

  /**
   * @param {string} key
   * @returns {HTMLElement | null}
   */
  findField(key) {
    return this.workspace.querySelector(`.shown-field[data-key="${CSS.escape(key)}"]`);
  }

  /** @param {string} key */
  goToField(key) {
    const field = this.findField(key);
    if (!field) return;
    const input = field.querySelector(".shown-value [name]");
    if (input instanceof HTMLElement) input.focus();
    field.scrollIntoView({ block: "nearest" });
    this.mark(key);
  }

  /** @param {string} key */
  mark(key) {
    this.marked = key;
    for (const element of this.workspace.querySelectorAll(".linked")) element.classList.remove("linked");
    this.findField(key)?.classList.add("linked");
    for (const box of this.panel.querySelectorAll(`[data-box-key="${CSS.escape(key)}"]`)) {
      box.classList.add("linked");
      scrollWithin(this.panel, box);
    }
  }

  resize() {
    if (this.panel.hidden || !this.pages.length) return;
    const room = this.panel.clientWidth - 24;
    for (const page of this.pages) {
      const scale = fitWidth(page.width, room) * this.zoom.factor;
      const width = Math.round(page.width * scale);
      if (page.element.clientWidth === width) continue;
      page.element.style.width = `${width}px`;
      page.element.style.height = `${Math.round(page.height * scale)}px`;
      page.draw?.(scale).catch(() => {
        // It was drawn again meanwhile, and the later drawing counts.
      });
    }
  }
}

/**
 * @param {string} source
 * @param {string} alt
 */
async function loadImage(source, alt) {
  const image = document.createElement("img");
  image.alt = alt;
  image.src = source;
  await image.decode();
  return image;
}

/**
 * The image turned clockwise by quarters.
 * @param {HTMLImageElement} image
 * @param {number} turned
 */
function drawTurned(image, turned) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", image.alt);
  const { naturalWidth: width, naturalHeight: height } = image;
  [canvas.width, canvas.height] = turned % 180 ? [height, width] : [width, height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turned * Math.PI) / 180);
  context.drawImage(image, -width / 2, -height / 2);
  return canvas;
}

/**
 * The content turned about its middle, in a frame of the same size: so the page was read.
 * @param {HTMLElement} content
 * @param {number} skew degrees, clockwise
 */
function straighten(content, skew) {
  content.style.transform = `rotate(${skew}deg)`;
  const sheet = document.createElement("div");
  sheet.className = "document-sheet";
  sheet.append(content);
  return sheet;
}

/**
 * Bring a part into the view of what scrolls around it. The page itself stays: where the documents
 * lie below the fields, it would run away from under the pointer.
 * @param {HTMLElement} around
 * @param {Element} part
 */
export function scrollWithin(around, part) {
  const [view, box] = [around.getBoundingClientRect(), part.getBoundingClientRect()];
  around.scrollTop += Math.min(box.top - view.top, 0) || Math.max(box.bottom - view.bottom, 0);
  around.scrollLeft += Math.min(box.left - view.left, 0) || Math.max(box.right - view.right, 0);
}

/** @param {number | null} confidence */
function chooseTone(confidence) {
  if (confidence === null) return "";
  if (confidence >= 0.85) return "good";
  return confidence >= 0.6 ? "waiting" : "bad";
}
