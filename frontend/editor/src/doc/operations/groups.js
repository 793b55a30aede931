// @ts-check
// Operations on groups: steps that are drawn and folded together.

import { areTexts } from "./arguments.js";
import { setAt } from "./pointers.js";
import { malformed } from "./refusals.js";
import { findEntry, hasStep, readNewEntry, setEntry } from "./sections.js";
import { own, without } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Handler} Handler */

const GROUP_FIELDS = new Set(["title", "steps", "collapsed", "colour"]);

/** Add a group. @type {Handler} */
export function addGroup(document, op) {
  const [id, group] = readNewEntry(document, op, "groups", "group");
  return [setEntry(document, "groups", id, keepPresentMembers(document, group)), { op: "remove_group", id }];
}

/** Set a field of a group, or remove it. @type {Handler} */
export function setGroup(document, op) {
  const [id, before] = findEntry(document, op, "groups", "group");
  let [group, undo] = setAt(before, op, GROUP_FIELDS);
  const present = keepPresentMembers(document, group);
  if (present !== group) [group, undo] = [present, { path: "/steps", value: listMembers(document, id) }];
  return [setEntry(document, "groups", id, group), { op: "set_group", id, ...undo }];
}

/** Remove a group; its steps stay. @type {Handler} */
export function removeGroup(document, op) {
  const [id, group] = findEntry(document, op, "groups", "group");
  return [{ ...document, groups: without(document.groups, id) }, { op: "add_group", id, group }];
}

// --- Members -------------------------------------------------------------------------------

/** The ids of the group's steps. @param {Doc} document @param {string} group @returns {string[]} */
export const listMembers = (document, group) => own(document.groups, group).steps || [];

/** The ids of the groups that the step is a member of. @param {Doc} document @param {string} id */
export const listGroupsOf = (document, id) =>
  Object.keys(document.groups).filter((group) => listMembers(document, group).includes(id));

/** The document with these steps in the group. @param {Doc} document @param {string} group @param {string[]} steps @returns {Doc} */
export const setMembers = (document, group, steps) =>
  setEntry(document, "groups", group, { ...own(document.groups, group), steps });

/**
 * The group without steps that are no longer in the flow, or the group itself. If such a member
 * stayed, a step added under its name would be in the group unasked, and leave it when that was
 * undone.
 * @param {Doc} document @param {Doc} group @returns {Doc}
 */
function keepPresentMembers(document, group) {
  if (!areMembers(group.steps)) throw malformed("A group needs `steps`, a list of different step ids.");
  const steps = group.steps.filter((/** @type {string} */ id) => hasStep(document, id));
  return steps.length === group.steps.length ? group : { ...group, steps };
}

/** @param {Json} value @returns {boolean} */
const areMembers = (value) => areTexts(value) && new Set(value).size === value.length;
