// @ts-check
// The sections of a document, and finding and changing what they hold by id.

import { readMapping, readText } from "./arguments.js";
import { OperationRefused, stepMissing } from "./refusals.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */

const STEP_ID = /^(?!__)[^\s.>]{1,80}$/;

/** The document with every section that an operation may write, if need be empty. @param {Doc} document @returns {Doc} */
export function normalForm(document) {
  const { steps, edges, layout, notes, groups } = document;
  if (steps && edges && layout && notes && groups) return document;
  return {
    ...document,
    steps: steps || {},
    edges: edges || [],
    layout: layout || {},
    notes: notes || {},
    groups: groups || {},
  };
}

// --- Steps ---------------------------------------------------------------------------------

/** @param {Doc} document @param {string} id */
export const hasStep = (document, id) => Object.hasOwn(document.steps, id);

/** The step; refused if it is not there. @param {Doc} document @param {string} id @returns {Doc} */
export function findStep(document, id) {
  if (!hasStep(document, id)) {
    throw stepMissing(
      `The step \`${id}\` is no longer in the flow.`,
      "Somebody may have removed or renamed it: undo that, or leave this edit.",
    );
  }
  return document.steps[id];
}

/** Refuse an id that a new step may not have. @param {Doc} document @param {string} id */
export function checkNewStepId(document, id) {
  if (!STEP_ID.test(id)) {
    throw new OperationRefused(
      "id_invalid", `\`${id}\` is not a valid name for a step.`, "Use letters, digits and _, at most 80 characters.",
    );
  }
  if (hasStep(document, id)) {
    throw new OperationRefused("step_exists", `The flow already has a step \`${id}\`.`, "Choose another name.");
  }
}

// --- Notes and groups: `section` is the plural, `word` the singular --------------------------

/** `id` and content of the note or group to add. @param {Doc} document @param {Operation} op @param {string} section @param {string} word @returns {[string, Doc]} */
export function readNewEntry(document, op, section, word) {
  const id = readText(op, "id");
  const value = readMapping(op, word);
  if (Object.hasOwn(document[section], id)) {
    throw new OperationRefused(`${word}_exists`, `The flow already has a ${word} \`${id}\`.`, "Choose another id.");
  }
  return [id, value];
}

/** `id` and content of the note or group that the operation names. @param {Doc} document @param {Operation} op @param {string} section @param {string} word @returns {[string, Doc]} */
export function findEntry(document, op, section, word) {
  const id = readText(op, "id");
  if (!Object.hasOwn(document[section], id)) {
    throw new OperationRefused(
      `${word}_missing`,
      `The ${word} \`${id}\` is no longer in the flow.`,
      "Somebody may have removed it: undo that, or leave this edit.",
    );
  }
  return [id, document[section][id]];
}

/** The document with one entry of a section set. @param {Doc} document @param {string} section @param {string} id @param {Json} value @returns {Doc} */
export const setEntry = (document, section, id, value) => ({
  ...document,
  [section]: { ...document[section], [id]: value },
});
