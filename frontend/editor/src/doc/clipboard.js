// @ts-check
// Steps as text: YAML out, YAML or JSON in, so that they go through any clipboard, chat or editor.

import { parse, stringify } from "yaml";

import { parseEdge } from "./operations/index.js";

/** @typedef {import("./edits.js").Clip} Clip */

const SCHEMA = "countersign/steps@1";

/** @param {Clip} clipped */
export function toText(clipped) {
  const { notes, groups, ...rest } = clipped;
  const extra = Object.entries({ notes, groups }).filter(([, values]) => values && Object.keys(values).length);
  const data = { schema: SCHEMA, ...rest, ...Object.fromEntries(extra) };
  return stringify(data, { lineWidth: 0 });
}

/** Steps in a text, or null if it holds none. A whole flow document will do. @param {string} text @returns {Clip | null} */
export function fromText(text) {
  if (!text.includes("steps") && !text.includes("notes")) return null;
  let data;
  try {
    data = parse(text, { maxAliasCount: 20 });
  } catch {
    return null;
  }
  if (!data || typeof data !== "object" || Array.isArray(data)) return null;
  const steps = mapping(data.steps);
  const whole = Object.entries(steps).filter(([, step]) => step && typeof (/** @type {any} */ (step).type) === "string");
  const notes = Object.entries(mapping(data.notes)).filter(([, note]) => note && typeof note === "object");
  if (!whole.length && !notes.length) return null;
  return {
    steps: Object.fromEntries(whole),
    edges: Array.isArray(data.edges) ? data.edges.filter(isEdge) : [],
    layout: Object.fromEntries(Object.entries(mapping(data.layout)).filter(([, at]) => isPlace(at))),
    notes: Object.fromEntries(notes.map(([id, note]) => [id, { ...note, at: isPlace(note.at) ? note.at : [0, 0] }])),
    groups: Object.fromEntries(Object.entries(mapping(data.groups)).filter(([, group]) => Array.isArray(group?.steps))),
  };
}

// What comes from elsewhere may hold anything; what makes no sense is left out.
/** @param {any} value @returns {{[key: string]: any}} */
const mapping = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
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
