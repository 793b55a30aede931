// @ts-check
// Beside a field: what stands at its place on an image, and that a person has marked the place.

/** @typedef {import("./place.js").At} At */
/** @typedef {import("./viewer.js").Viewer} Viewer */

// A little of what is around it shows what it is.
const AROUND = 0.02;
const MOST_WIDTH = 176;
const MOST_HEIGHT = 88;

/**
 * Show where a field was read.
 * @param {HTMLElement} field
 * @param {{ viewer: Viewer, page: number, at: At } | null} place
 * @param {boolean} marked whether a person has marked it
 */
export async function showWhere(field, place, marked) {
  const line = /** @type {HTMLElement | null} */ (field.querySelector("[data-where]"));
  if (!line) return;
  const isImage = Boolean(place?.viewer.isPlainImage);
  line.hidden = !place || !(marked || isImage);
  const restore = /** @type {HTMLElement | null} */ (line.querySelector("[data-unmark]"));
  if (restore) restore.hidden = !marked;
  if (!place || line.hidden) return;
  const { viewer, page } = place;
  const where = isImage ? viewer.title : `${viewer.title}, page ${page}`;
  const text = /** @type {HTMLElement} */ (line.querySelector("[data-where-text]"));
  text.textContent = marked ? `Marked on ${where}` : `Read on ${where}`;
  await showCrop(line, place, isImage);
}

/**
 * @param {HTMLElement} line
 * @param {{ viewer: Viewer, page: number, at: At }} place
 * @param {boolean} isImage
 */
async function showCrop(line, { viewer, page, at }, isImage) {
  const canvas = /** @type {HTMLCanvasElement} */ (line.querySelector("canvas"));
  canvas.hidden = !isImage;
  if (!isImage) return;
  await viewer.load();
  const source = viewer.findPage(page)?.element.querySelector(":scope > :is(img, canvas)");
  if (source) drawCrop(canvas, /** @type {HTMLImageElement | HTMLCanvasElement} */ (source), at);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLImageElement | HTMLCanvasElement} source
 * @param {At} at
 */
function drawCrop(canvas, source, at) {
  const wide = source instanceof HTMLImageElement ? source.naturalWidth : source.width;
  const high = source instanceof HTMLImageElement ? source.naturalHeight : source.height;
  const [left, top] = [Math.max(at[0] - AROUND, 0), Math.max(at[1] - AROUND, 0)];
  const width = (Math.min(at[0] + at[2] + AROUND, 1) - left) * wide;
  const height = (Math.min(at[1] + at[3] + AROUND, 1) - top) * high;
  const scale = Math.min(MOST_WIDTH / width, MOST_HEIGHT / height);
  const sharp = window.devicePixelRatio || 1;
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  canvas.width = Math.round(width * scale * sharp);
  canvas.height = Math.round(height * scale * sharp);
  canvas.getContext("2d")?.drawImage(source, left * wide, top * high, width, height, 0, 0, canvas.width, canvas.height);
}
