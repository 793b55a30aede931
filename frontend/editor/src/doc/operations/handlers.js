// @ts-check
// Applying an operation: the handler of each by name, and the batch of several.

import { checkDepth } from "./depth.js";
import { connect, disconnect, reconnect } from "./edges.js";
import { replace, setFlow } from "./flow.js";
import { addGroup, removeGroup, setGroup } from "./groups.js";
import { move } from "./layout.js";
import { addNote, removeNote, setNote } from "./notes.js";
import { OperationRefused, malformed } from "./refusals.js";
import { normalForm } from "./sections.js";
import { addStep, removeStep, renameStep, setField } from "./steps.js";
import { isObject } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */
/** @typedef {import("./values.js").Handler} Handler */

const MAX_NESTING = 8;

/**
 * The changed document, sharing with the given one whatever did not change, and the operation that
 * undoes the change.
 * @param {Doc} document
 * @param {Operation} op
 * @returns {[Doc, Operation]}
 * @throws {OperationRefused} with nothing changed
 */
export function apply(document, op) {
  if (!isObject(op) || typeof op.op !== "string") throw malformed("An operation is an object with the key `op`.");
  const handler = Object.hasOwn(HANDLERS, op.op) ? HANDLERS[op.op] : null;
  if (!handler) {
    // The server knows it and this page does not: the page is older.
    throw new OperationRefused("unknown_operation", `There is no operation \`${op.op}\`.`, "Reload the page.");
  }
  const [changed, undo] = handler(normalForm(document), op);
  checkDepth(changed, op);
  return [changed, undo];
}

/** Apply several operations, or none if one is refused. @type {Handler} */
function batch(document, op) {
  if (!Array.isArray(op.operations) || !op.operations.length) {
    throw malformed("A batch needs `operations`, a list of at least one.");
  }
  if (measureNesting(op) > MAX_NESTING) throw malformed(`Batches may be nested at most ${MAX_NESTING} deep.`);
  const inverses = [];
  for (const each of op.operations) {
    const [changed, inverse] = apply(document, each);
    document = changed;
    inverses.unshift(inverse);
  }
  /** @type {Operation} */
  const inverse = { op: "batch", operations: inverses };
  if ("label" in op) inverse.label = op.label;
  return [document, inverse];
}

/** How deep batches are nested, without recursion and not far past the limit. @param {Json} op @returns {number} */
function measureNesting(op) {
  let depth = 0;
  let level = [op];
  while (level.length && depth <= MAX_NESTING) {
    const batches = level.filter((each) => each?.op === "batch" && Array.isArray(each.operations));
    level = batches.flatMap((each) => each.operations);
    depth += batches.length ? 1 : 0;
  }
  return depth;
}

/** @type {{[op: string]: Handler}} */
const HANDLERS = {
  add_step: addStep,
  remove_step: removeStep,
  rename_step: renameStep,
  set_field: setField,
  set_flow: setFlow,
  replace,
  batch,
  connect,
  disconnect,
  reconnect,
  move,
  add_note: addNote,
  set_note: setNote,
  remove_note: removeNote,
  add_group: addGroup,
  set_group: setGroup,
  remove_group: removeGroup,
};
