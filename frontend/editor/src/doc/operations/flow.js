// @ts-check
// Operations on the flow itself, and on the whole document.

import { readMapping } from "./arguments.js";
import { parseEdge } from "./edges.js";
import { setAt } from "./pointers.js";
import { OperationRefused, malformed } from "./refusals.js";
import { normalForm } from "./sections.js";
import { isObject } from "./values.js";

/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Handler} Handler */

const FLOW_FIELDS = new Set(["title", "description", "lane", "input", "output", "samples", "tests"]);

/** Set a field of the flow, or remove it. @type {Handler} */
export function setFlow(document, op) {
  const [changed, undo] = setAt(document, op, FLOW_FIELDS);
  return [changed, { op: "set_flow", ...undo }];
}

/** Replace the whole document, as an import or a restore does. @type {Handler} */
export function replace(document, op) {
  const changed = normalForm(readMapping(op, "document"));
  if (changed.name !== document.name) {
    throw new OperationRefused(
      "name_fixed",
      `This flow is \`${document.name}\`, the document is \`${changed.name}\`.`,
      "Change `name` in the document, or import it as a flow of its own.",
    );
  }
  checkSections(changed);
  return [changed, { op: "replace", document }];
}

/** Refuse a document unless each section has its form, and each edge is one. @param {Doc} document */
function checkSections(document) {
  for (const name of ["steps", "layout", "notes", "groups"]) {
    if (!isObject(document[name])) throw malformed(`\`${name}\` must be an object.`);
  }
  if (!Array.isArray(document.edges)) throw malformed("`edges` must be a list.");
  document.edges.forEach(parseEdge);
}
