// @ts-check
// The operation on places: where steps and notes lie on the canvas.

import { keepKnown, readOptionalMapping, readPoint } from "./arguments.js";
import { stepMissing } from "./refusals.js";
import { own } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */
/** @typedef {import("./values.js").Handler} Handler */

/** Move steps and notes, leaving out those that have been removed. @type {Handler} */
export function move(document, op) {
  const steps = keepKnown(readOptionalMapping(op, "steps"), document.steps);
  const notes = keepKnown(readOptionalMapping(op, "notes"), document.notes);
  if (!steps.length && !notes.length) {
    throw stepMissing("Everything that was to be moved is no longer in the flow.", "Leave this edit.");
  }
  const changed = { ...document };
  /** @type {Operation} */
  const inverse = { op: "move" };
  if (steps.length) [changed.layout, inverse.steps] = moveSteps(document.layout, steps);
  if (notes.length) [changed.notes, inverse.notes] = moveNotes(document.notes, notes);
  return [changed, inverse];
}

/** The layout with the steps moved, and the places they had. @param {Doc} layout @param {[string, Json][]} places @returns {[Doc, Doc]} */
function moveSteps(layout, places) {
  const changed = new Map(Object.entries(layout));
  /** @type {Map<string, Json>} */
  const before = new Map();
  for (const [id, at] of places) {
    before.set(id, changed.get(id) ?? null);
    if (at === null) changed.delete(id);
    else changed.set(id, readPoint(at));
  }
  return [Object.fromEntries(changed), Object.fromEntries(before)];
}

/** The notes with some moved, and the places those had. @param {Doc} notes @param {[string, Json][]} places @returns {[Doc, Doc]} */
function moveNotes(notes, places) {
  const changed = new Map(Object.entries(notes));
  /** @type {Map<string, Json>} */
  const before = new Map();
  for (const [id, at] of places) {
    before.set(id, own(notes, id).at ?? [0, 0]);
    changed.set(id, { ...own(notes, id), at: readPoint(at) });
  }
  return [Object.fromEntries(changed), Object.fromEntries(before)];
}
