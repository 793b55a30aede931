// @ts-check
// Steps as text, so that they pass through any clipboard, chat or editor: writes YAML, reads YAML
// and JSON.

import { stringify } from "yaml";

import { parseEdge } from "./operations/index.js";
import { NumberTooLarge, readYaml } from "./yaml.js";

/** @typedef {import("./edits.js").Clip} Clip */

const SCHEMA = "countersign/steps@1";

/** @param {Clip} clipped */
export function toText(clipped) {
  const { notes, groups, ...rest } = clipped;
  const extra = Object.entries({ notes, groups }).filter(([, values]) => values && Object.keys(values).length);
  const data = { schema: SCHEMA, ...rest, ...Object.fromEntries(extra) };
  return stringify(data, { lineWidth: 0 });
}

/**
 * The steps in a text, which may be a whole flow document, or null if it holds none.
 * Throws NumberTooLarge.
 * @param {string} text @returns {Clip | null}
 */
export function fromText(text) {
  if (!text.includes("steps") && !text.includes("notes")) return null;
  let data;
  try {
    data = readYaml(text);
  } catch (error) {
    if (error instanceof NumberTooLarge) throw error;
    return null;
  }
  if (!data || typeof data !== "object" || Array.isArray(data)) return null;
  const steps = asMapping(data.steps);
  const valid = Object.entries(steps).filter(([, step]) => step && typeof (/** @type {any} */ (step).type) === "string");
  const notes = Object.entries(asMapping(data.notes)).filter(([, note]) => note && typeof note === "object");
  if (!valid.length && !notes.length) return null;
  return {
    steps: Object.fromEntries(valid),
    edges: Array.isArray(data.edges) ? data.edges.filter(isEdge) : [],
    layout: Object.fromEntries(Object.entries(asMapping(data.layout)).filter(([, at]) => isPlace(at))),
    notes: Object.fromEntries(notes.map(([id, note]) => [id, { ...note, at: isPlace(note.at) ? note.at : [0, 0] }])),
    groups: Object.fromEntries(Object.entries(asMapping(data.groups)).filter(([, group]) => Array.isArray(group?.steps))),
  };
}

// A text from elsewhere may hold anything; what has the wrong form is left out.
/** @param {any} value @returns {{[key: string]: any}} */
const asMapping = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
/** @param {any} at */
const isPlace = (at) => Array.isArray(at) && at.length === 2 && at.every((n) => Number.isFinite(n));
/** @param {any} edge */
const isEdge = (edge) => {
  try {
    return Boolean(parseEdge(edge));
  } catch {
    return false;
  }
};
