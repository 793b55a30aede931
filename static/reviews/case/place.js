// @ts-check
// Places on a page, and the words in them. All is in shares of the page. No DOM.

/** @typedef {import("./words.js").PageWords} PageWords */
/** @typedef {[number, number, number, number]} At left, top, width, height */
/** @typedef {{ text: string, at: At }} Word */

// No frame is smaller: its handles could not be told apart.
const LEAST = 0.004;
const DIGITS = 10_000;

/** @param {number} value */
const round = (value) => Math.round(value * DIGITS) / DIGITS;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * The place between two corners, on the page.
 * @param {{ x: number, y: number }} one
 * @param {{ x: number, y: number }} other
 * @returns {At}
 */
export function spanAt(one, other) {
  const [left, right] = [one.x, other.x].map((x) => clamp(x, 0, 1)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, other.y].map((y) => clamp(y, 0, 1)).sort((a, b) => a - b);
  return keepOn([left, top, right - left, bottom - top]);
}

/**
 * The place moved by shares, no farther than to the page's edge.
 * @param {At} at
 * @param {number} dx
 * @param {number} dy
 * @returns {At}
 */
export const moveAt = ([left, top, width, height], dx, dy) => keepOn([left + dx, top + dy, width, height]);

/**
 * The place with some of its edges moved. An edge stops before the opposite one.
 * @param {At} at
 * @param {string} edges of n, e, s and w
 * @param {number} dx
 * @param {number} dy
 * @returns {At}
 */
export function resizeAt([left, top, width, height], edges, dx, dy) {
  let [right, bottom] = [left + width, top + height];
  if (edges.includes("w")) left = clamp(left + dx, 0, right - LEAST);
  if (edges.includes("e")) right = clamp(right + dx, left + LEAST, 1);
  if (edges.includes("n")) top = clamp(top + dy, 0, bottom - LEAST);
  if (edges.includes("s")) bottom = clamp(bottom + dy, top + LEAST, 1);
  return keepOn([left, top, right - left, bottom - top]);
}

/** @param {At} at @returns {At} */
function keepOn([left, top, width, height]) {
  const wide = round(clamp(width, LEAST, 1));
  const high = round(clamp(height, LEAST, 1));
  return [round(clamp(left, 0, 1 - wide)), round(clamp(top, 0, 1 - high)), wide, high];
}

/**
 * The smallest place that holds all of these.
 * @param {At[]} places one at least
 * @returns {At}
 */
export function joinAt(places) {
  const left = Math.min(...places.map((at) => at[0]));
  const top = Math.min(...places.map((at) => at[1]));
  const right = Math.max(...places.map((at) => at[0] + at[2]));
  const bottom = Math.max(...places.map((at) => at[1] + at[3]));
  return keepOn([left, top, right - left, bottom - top]);
}

/**
 * The words of a page in reading order.
 * @param {PageWords} [page]
 * @returns {Word[]}
 */
export function listWords(page) {
  return (page?.lines ?? []).flatMap(({ at: [, top, , height], words }) =>
    words.map(([text, left, width]) => ({ text, at: /** @type {At} */ ([left, top, width, height]) })),
  );
}

/**
 * Where the words begin and end whose middles lie in a place.
 * @param {Word[]} words
 * @param {At} at
 * @returns {number[]} their numbers
 */
export function findWords(words, [left, top, width, height]) {
  return words.flatMap(({ at }, number) => {
    const [x, y] = [at[0] + at[2] / 2, at[1] + at[3] / 2];
    return x >= left && x <= left + width && y >= top && y <= top + height ? [number] : [];
  });
}

/**
 * The number of the word at a point, -1 if there is none.
 * @param {Word[]} words
 * @param {{ x: number, y: number }} point
 */
export const findWordAt = (words, { x, y }) =>
  words.findIndex(({ at: [left, top, width, height] }) =>
    x >= left && x <= left + width && y >= top && y <= top + height);

/**
 * The words that a step to the next or the one before takes.
 * @param {number[]} taken those that are in the frame
 * @param {number} count how many words the page has
 * @param {number} by 1 or -1
 * @param {boolean} more whether what is taken stays
 * @returns {[number, number]} the first and the last
 */
export function stepWords(taken, count, by, more) {
  if (!taken.length) return by > 0 ? [0, 0] : [count - 1, count - 1];
  const [first, last] = [taken[0], taken[taken.length - 1]];
  if (more) return by > 0 ? [first, Math.min(last + 1, count - 1)] : [first, Math.max(last - 1, first)];
  const next = clamp(by > 0 ? last + 1 : first - 1, 0, count - 1);
  return [next, next];
}

/**
 * What an input of a kind takes for the text of a page.
 * @param {string} text
 * @param {"text" | "number" | "date"} kind
 * @returns {string | null} null: the text is no such value, or could be several
 */
export function readAs(text, kind) {
  if (kind === "number") return readNumber(text);
  return kind === "date" ? readDate(text) : text.trim();
}

/** @param {string} text */
function readNumber(text) {
  const found = text.replace(/[\s\u00a0\u202f'’]/g, "").match(/[-−]?\d[\d.,]*/g) ?? [];
  if (found.length !== 1) return null;
  const figure = found[0].replace("−", "-").replace(/[.,]$/, "");
  const [dot, comma] = [figure.lastIndexOf("."), figure.lastIndexOf(",")];
  if (dot >= 0 && comma >= 0) return dot > comma ? figure.replaceAll(",", "") : swap(figure);
  const mark = dot >= 0 ? "." : ",";
  const parts = figure.split(mark);
  if (parts.length === 1) return figure;
  if (parts.length > 2) return parts.slice(1).every((part) => part.length === 3) ? parts.join("") : null;
  if (parts[1].length !== 3) return parts.join(".");
  // Three figures after a comma are thousands; after a dot they may be either.
  return mark === "," ? parts.join("") : null;
}

/** @param {string} figure whose comma stands before the decimals */
const swap = (figure) => figure.replaceAll(".", "").replace(",", ".");

/** @param {string} text */
function readDate(text) {
  const iso = text.match(/\b(\d{4})-(\d{2})-(\d{2})\b/);
  if (iso) return iso[0];
  const found = text.match(/\b(\d{1,2})([./])(\d{1,2})\2(\d{4})\b/);
  if (!found) return null;
  const [, first, mark, second, year] = found;
  // With dots the day comes first; with strokes only a number over 12 tells the day.
  const day = mark === "." || Number(first) > 12 ? first : Number(second) > 12 ? second : "";
  if (!day) return null;
  const month = day === first ? second : first;
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
}

/**
 * Where a place stands, in words.
 * @param {At} at
 */
export function describeAt([left, top, width, height]) {
  const percent = (/** @type {number} */ share) => Math.round(share * 100);
  return `${percent(left)} % from the left, ${percent(top)} % from the top, ${percent(width)} by ${percent(height)} %`;
}
