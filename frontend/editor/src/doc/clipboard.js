// @ts-check
// Steps as text: YAML out, YAML or JSON in, so that they go through any clipboard, chat or editor.

import { parse, stringify } from "yaml";

/** @typedef {import("./edits.js").Clip} Clip */

const SCHEMA = "countersign/steps@1";

/** @param {Clip} clipped */
export function toText(clipped) {
  const { notes, ...rest } = clipped;
  const data = { schema: SCHEMA, ...rest, ...(notes && Object.keys(notes).length ? { notes } : {}) };
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
  const steps = data.steps && typeof data.steps === "object" ? data.steps : {};
  const whole = Object.entries(steps).filter(([, step]) => step && typeof (/** @type {any} */ (step).type) === "string");
  if (!whole.length && !data.notes) return null;
  return {
    steps: Object.fromEntries(whole),
    edges: Array.isArray(data.edges) ? data.edges.filter((/** @type {any} */ e) => typeof e === "string") : [],
    layout: data.layout ?? {},
    notes: data.notes ?? {},
  };
}
