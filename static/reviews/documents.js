// @ts-check
// Documents beside the values: pages, zoom, and boxes that are bound to fields both ways.

import { fitOf, zoomOf } from "./zoom.js";

const PDF = new URL("../vendor/pdfjs/pdf.min.mjs", import.meta.url).href;
const PDF_WORKER = new URL("../vendor/pdfjs/pdf.worker.min.mjs", import.meta.url).href;
const PDF_FONTS = new URL("../vendor/pdfjs/standard_fonts/", import.meta.url).href;

/** @typedef {{ key: string, page: number, at: [number, number, number, number], text?: string, confidence?: number | null }} Box */
/** @typedef {{ element: HTMLElement, width: number, height: number, draw?: (scale: number) => Promise<void> }} Page */

/** The zoom stays as it was while one goes from case to case. */
let zoom = 1;
/** What is open of the case on the page. @type {Viewer[]} */
let shown = [];
/** One for all documents: each new one reads a megabyte of script. @type {any} */
let pdfWorker = null;
/** @type {Set<string>} */
const fetched = new Set();

/**
 * Have the documents of the case that comes next in the browser's cache, where they stay as they
 * are: their address is bound to the case and their content never changes.
 * @param {HTMLElement} workspace
 */
export async function fetchAhead(workspace) {
  const urls = workspace.querySelector("[data-ahead]")?.getAttribute("data-ahead") ?? "";
  for (const url of urls.split(" ").filter((each) => each && !fetched.has(each))) {
    fetched.add(url);
    // Read to the end: what is not is not kept.
    await fetch(url, { priority: "low" }).then((answer) => answer.arrayBuffer()).catch(() => null);
  }
}

/** @param {HTMLElement} workspace */
export function showDocuments(workspace) {
  for (const viewer of shown) viewer.close();
  shown = [];
  const section = /** @type {HTMLElement | null} */ (workspace.querySelector("[data-documents]"));
  if (!section) return;
  const panels = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".document")]);
  const viewers = new Map(panels.map((panel) => [panel.id, new Viewer(panel, workspace)]));
  shown = [...viewers.values()];
  const tabs = /** @type {HTMLElement[]} */ ([...section.querySelectorAll("[role=tab]")]);

  /** @param {HTMLElement} tab */
  const open = (tab) => {
    for (const each of tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      const panel = /** @type {HTMLElement} */ (document.getElementById(each.getAttribute("aria-controls") ?? ""));
      panel.hidden = !chosen;
      if (chosen) viewers.get(panel.id)?.load();
    }
  };
  section.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const tab = /** @type {HTMLElement | null} */ (target.closest("[role=tab]"));
    if (tab) open(tab);
    const step = target.closest("[data-zoom]")?.getAttribute("data-zoom");
    if (step) {
      zoom = zoomOf(zoom, Number(step));
      for (const viewer of viewers.values()) viewer.resize();
    }
  });
  section.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !by) return;
    event.preventDefault();
    const tab = tabs[(at + by + tabs.length) % tabs.length];
    open(tab);
    tab.focus();
  });
  /** @param {string} key */
  const show = (key) => {
    for (const [id, viewer] of viewers) {
      if (!viewer.boxes.some((box) => box.key === key)) continue;
      const tab = tabs.find((each) => each.getAttribute("aria-controls") === id);
      if (tab) open(tab);
      viewer.mark(key);
    }
  };
  workspace.addEventListener("focusin", (event) => {
    const field = /** @type {Element} */ (event.target).closest(".shown-field[data-key]");
    const key = field?.getAttribute("data-key");
    if (key) show(key);
  });
  workspace.addEventListener("case:mark", (event) => {
    const key = String(/** @type {CustomEvent<string>} */ (event).detail);
    const tab = tabs.find((each) => each.dataset.document === key);
    if (tab) open(tab);
    else show(key);
  });
  if (tabs[0]) open(tabs[0]);
  const watch = new ResizeObserver(() => {
    for (const viewer of viewers.values()) viewer.resize();
  });
  watch.observe(section);
}

class Viewer {
  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} workspace
   */
  constructor(panel, workspace) {
    this.panel = panel;
    this.workspace = workspace;
    this.holder = /** @type {HTMLElement} */ (panel.querySelector("[data-pages]"));
    /** @type {Box[]} */
    this.boxes = JSON.parse(panel.querySelector("[data-boxes]")?.textContent || "[]");
    /** @type {Page[]} */
    this.pages = [];
    this.marked = "";
    /** @type {Promise<void> | null} */
    this.loading = null;
    /** @type {any} */
    this.pdf = null;
  }

  /** Let go of what the worker holds of it. */
  close() {
    this.pdf?.destroy();
  }

  load() {
    this.loading ??= this.open().catch((error) => this.failed(error));
    return this.loading;
  }

  async open() {
    const { source, mediaType = "" } = this.panel.dataset;
    if (!source) return;
    if (mediaType.startsWith("image/")) await this.openImage(source);
    else if (mediaType.startsWith("audio/")) this.openAudio(source);
    else if (mediaType === "application/pdf") await this.openPdf(source);
    this.resize();
    if (this.marked) this.mark(this.marked);
  }

  /** @param {unknown} error */
  failed(error) {
    console.warn("document:", error);
    const text = document.createElement("p");
    text.className = "muted small";
    text.textContent = "This document cannot be shown here. Its text, where there is one, is below; or open it by itself.";
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
      const { width, height } = page.getViewport({ scale: 1 });
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      this.addPage(canvas, width, height, number, async (scale) => {
        const viewport = page.getViewport({ scale: scale * (window.devicePixelRatio || 1) });
        canvas.width = Math.round(viewport.width);
        canvas.height = Math.round(viewport.height);
        await page.render({ canvas, viewport }).promise;
      });
    }
  }

  /** @param {string} source */
  async openImage(source) {
    const image = document.createElement("img");
    image.alt = this.panel.querySelector("pre")?.textContent?.slice(0, 200) || "Document";
    image.src = source;
    await image.decode();
    this.addPage(image, image.naturalWidth, image.naturalHeight, 1);
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
    element.append(content);
    for (const box of this.boxes.filter((each) => each.page === number)) element.append(this.boxOf(box));
    this.holder.append(element);
    this.pages.push({ element, width, height, draw });
  }

  /** @param {Box} box */
  boxOf(box) {
    const [left, top, width, height] = box.at;
    const field = this.fieldOf(box.key);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "document-box";
    button.dataset.boxKey = box.key;
    button.dataset.tone = toneOf(box.confidence ?? (Number(field?.dataset.confidence) || null));
    const label = field?.querySelector(".shown-label")?.textContent ?? box.key;
    button.setAttribute("aria-label", `${label}: ${box.text ?? ""}`);
    Object.assign(button.style, {
      left: `${left * 100}%`,
      top: `${top * 100}%`,
      width: `${width * 100}%`,
      height: `${height * 100}%`,
    });
    button.addEventListener("click", () => this.goToField(box.key));
    return button;
  }

  /**
   * @param {string} key
   * @returns {HTMLElement | null}
   */
  fieldOf(key) {
    return this.workspace.querySelector(`.shown-field[data-key="${CSS.escape(key)}"]`);
  }

  /** @param {string} key */
  goToField(key) {
    const field = this.fieldOf(key);
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
    this.fieldOf(key)?.classList.add("linked");
    for (const box of this.panel.querySelectorAll(`[data-box-key="${CSS.escape(key)}"]`)) {
      box.classList.add("linked");
      box.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  resize() {
    if (this.panel.hidden || !this.pages.length) return;
    const room = this.panel.clientWidth - 24;
    for (const page of this.pages) {
      const scale = fitOf(page.width, room) * zoom;
      const width = Math.round(page.width * scale);
      if (page.element.clientWidth === width) continue;
      page.element.style.width = `${width}px`;
      page.element.style.height = `${Math.round(page.height * scale)}px`;
      page.draw?.(scale).catch(() => {
        // Drawn again while it was being drawn: the later one counts.
      });
    }
  }
}

/** @param {number | null} confidence */
function toneOf(confidence) {
  if (confidence === null) return "";
  if (confidence >= 0.85) return "good";
  return confidence >= 0.6 ? "waiting" : "bad";
}
