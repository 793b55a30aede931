// @ts-check
// How deep a change makes the document: no deeper than a document that is read may be.

import { formatPointer } from "./pointers.js";
import { OperationRefused } from "./refusals.js";
import { isObject } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */

const MAX_DEPTH = 60;
// A field of a step stands below `steps` and the step's id.
const ABOVE = 2;
const SHOWN_KEYS = 6;

/**
 * Refuse as `too_deep` an operation that made the document nest too deep. Only one that is long or
 * deep itself can have: for others nothing is read.
 * @param {Doc} document
 * @param {Operation} op
 * @throws {OperationRefused}
 */
export function checkDepth(document, op) {
  const keys = typeof op.path === "string" ? op.path.split("/").length - 1 : 0;
  if (!findDeeper(op, MAX_DEPTH - ABOVE - keys)) return;
  const place = findDeeper(document, MAX_DEPTH);
  if (!place) return;
  const shown = formatPointer(place.slice(0, SHOWN_KEYS));
  throw new OperationRefused(
    "too_deep", `\`${shown}\` would nest deeper than ${MAX_DEPTH} levels.`, "Flatten it, or move the value into an input or an artifact.");
}

/**
 * The keys to a value that is deeper than so many levels, if there is one.
 * @param {Json} value
 * @param {number} levels
 * @returns {string[] | undefined}
 */
function findDeeper(value, levels) {
  /** @type {[Json, string[]][]} */
  const waiting = [[value, []]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [current, place] = next;
    if (place.length > levels) return place;
    if (isObject(current) || Array.isArray(current)) {
      for (const [key, item] of Object.entries(current)) waiting.push([item, [...place, key]]);
    }
  }
  return undefined;
}
