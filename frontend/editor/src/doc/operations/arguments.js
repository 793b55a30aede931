// @ts-check
// Reading an operation's own fields. What does not have the right form is refused.

import { malformed } from "./refusals.js";
import { isObject } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */

/** The text at the key, which must be there and not empty. @param {Operation} op @param {string} key @returns {string} */
export function readText(op, key) {
  if (typeof op[key] !== "string" || !op[key]) throw malformed(`\`${op.op}\` needs \`${key}\` as text.`);
  return op[key];
}

/** The object at the key, which must be there. @param {Operation} op @param {string} key @returns {Doc} */
export function readMapping(op, key) {
  if (!isObject(op[key])) throw malformed(`\`${op.op}\` needs \`${key}\` as an object.`);
  return op[key];
}

/** The object at the key, or an empty one. @param {Operation} op @param {string} key @returns {Doc} */
export const readOptionalMapping = (op, key) => (op[key] === undefined ? {} : readMapping(op, key));

/** `edges`, the pairs of an edge and its index in the list of edges. @param {Operation} op @returns {[string, number][]} */
export function readEdgePlaces(op) {
  const places = op.edges === undefined ? [] : op.edges;
  if (!Array.isArray(places) || !places.every(isPair)) {
    throw malformed("`edges` must be a list of pairs, [edge, index].");
  }
  return /** @type {[string, number][]} */ (places);
}

/** A place on the canvas, [x, y]. @param {Json} value @returns {[number, number]} */
export function readPoint(value) {
  if (!isPair(value) || !value.every((/** @type {Json} */ n) => typeof n === "number")) {
    throw malformed("A place must be a pair of numbers, [x, y].");
  }
  return [value[0], value[1]];
}

/** An index into a list. It may lie past the end. @param {Json} value @returns {number} */
export function readIndex(value) {
  if (!Number.isInteger(value) || value < 0) throw malformed("`index` must be a whole number, counted from 0.");
  return value;
}

/** The entries whose keys are known. The others have been removed since. @param {Doc} values @param {Doc} known @returns {[string, Json][]} */
export const keepKnown = (values, known) => Object.entries(values).filter(([key]) => Object.hasOwn(known, key));

/** @param {Json} value @returns {boolean} */
export const isPair = (value) => Array.isArray(value) && value.length === 2;

/** @param {Json} value @returns {boolean} */
export const areTexts = (value) => Array.isArray(value) && value.every((each) => typeof each === "string");
