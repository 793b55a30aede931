// @ts-check
// Sizes and places of cards. A card's size follows from its ports alone, so that nothing has to be
// measured.

import { own } from "./operations/values.js";

/** @typedef {import("./operations/index.js").Doc} Doc */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */

export const GRID = 16;
export const CARD = { width: 240, header: 64, row: 24, foot: 8 };
export const GAP = { x: 96, y: 48 };

/** @param {string[]} ports */
export const cardHeight = (ports) =>
  ports.length > 1 ? CARD.header + ports.length * CARD.row + CARD.foot : CARD.header;

/** Where a port's dot is on its card. @param {string[]} ports @param {string} port */
export function portPlace(ports, port) {
  const height = cardHeight(ports);
  if (port === "error") return { x: CARD.width - 32, y: height, side: "bottom" };
  const row = ports.indexOf(port);
  const y = ports.length > 1 ? CARD.header + row * CARD.row + CARD.row / 2 : CARD.header / 2;
  return { x: CARD.width, y, side: "right" };
}

/** The nearest point of the grid. @param {number} value */
export const snap = (value) => Math.round(value / GRID) * GRID;

/** @param {Doc} document @param {string} id @param {string[]} ports @returns {Box} */
export function cardBox(document, id, ports) {
  const [x, y] = own(document.layout, id) ?? [0, 0];
  return { x, y, width: CARD.width, height: cardHeight(ports) };
}

/** The box around all boxes. @param {Box[]} boxes @param {number} [margin] @returns {Box} */
export function boundBoxes(boxes, margin = 0) {
  if (!boxes.length) return { x: 0, y: 0, width: 0, height: 0 };
  const left = Math.min(...boxes.map((b) => b.x)) - margin;
  const top = Math.min(...boxes.map((b) => b.y)) - margin;
  const right = Math.max(...boxes.map((b) => b.x + b.width)) + margin;
  const bottom = Math.max(...boxes.map((b) => b.y + b.height)) + margin;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Whether two boxes lie closer than the gap. @param {Box} a @param {Box} b @param {number} gap */
const areNear = (a, b, gap) =>
  a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap;

/** The first free place at or below a wish. @param {Box} wish @param {Box[]} taken @returns {[number, number]} */
export function findFreePlace(wish, taken) {
  const box = { ...wish, x: snap(wish.x), y: snap(wish.y) };
  for (let tries = 0; tries < 400 && taken.some((each) => areNear(box, each, GRID)); tries += 1) box.y += GRID * 2;
  return [box.x, box.y];
}

/**
 * The place where a dragged box lines up with others, and the lines along which it does.
 * @param {Box} box @param {Box[]} others @param {number} reach
 * @returns {{x: number, y: number, vertical: number | null, horizontal: number | null}}
 */
export function align(box, others, reach) {
  const across = findClosestLine(box.x, box.width, others.map((o) => [o.x, o.width]), reach);
  const down = findClosestLine(box.y, box.height, others.map((o) => [o.y, o.height]), reach);
  return {
    x: box.x + (across?.shift ?? 0),
    y: box.y + (down?.shift ?? 0),
    vertical: across?.line ?? null,
    horizontal: down?.line ?? null,
  };
}

/** The line of another box that is nearest to one of this box, within reach. @param {number} start @param {number} size @param {number[][]} others @param {number} reach */
function findClosestLine(start, size, others, reach) {
  /** @type {{shift: number, line: number} | null} */
  let best = null;
  for (const [from, length] of others) {
    for (const share of [0, 0.5, 1]) {
      const line = from + length * share;
      const shift = line - (start + size * share);
      if (Math.abs(shift) <= reach && (!best || Math.abs(shift) < Math.abs(best.shift))) best = { shift, line };
    }
  }
  return best;
}
