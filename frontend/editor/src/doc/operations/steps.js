// @ts-check
// Operations on steps.

import { renameInTests, renameReferences } from "../references.js";
import {
  areTexts, isPair, readEdgePlaces, readIndex, readMapping, readOptionalMapping, readPoint, readText,
} from "./arguments.js";
import { parseEdge, renameEnds } from "./edges.js";
import { listGroupsOf, listMembers, setMembers } from "./groups.js";
import { setAt } from "./pointers.js";
import { malformed } from "./refusals.js";
import { checkNewStepId, findStep, hasStep, setEntry } from "./sections.js";
import { insert, renameKey, same, without } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */
/** @typedef {import("./values.js").Handler} Handler */

const STEP_FIELDS = new Set([
  "type", "title", "with", "retry", "limit", "cache", "timeout_seconds", "max_visits",
  "compensate", "runbook",
]);

// --- Adding and removing -------------------------------------------------------------------

/**
 * Add a step. `edges` and `groups` bring back what a removal took. An edge is left out if the step
 * at its other end has been removed since.
 * @type {Handler}
 */
export function addStep(document, op) {
  const id = readText(op, "id");
  const step = readMapping(op, "step");
  checkNewStepId(document, id);
  if (typeof step.type !== "string" || Object.keys(step).some((key) => !STEP_FIELDS.has(key))) {
    const known = [...STEP_FIELDS].filter((key) => key !== "type").sort().join(", ");
    throw malformed(`A step needs a \`type\`, and may have no other fields than: ${known}.`);
  }
  let changed = setEntry(document, "steps", id, step);
  if (op.at != null) changed = setEntry(changed, "layout", id, readPoint(op.at));
  changed = restoreEdges(changed, readEdgePlaces(op));
  changed = restoreMemberships(changed, id, readOptionalMapping(op, "groups"));
  return [changed, { op: "remove_step", id }];
}

/** The document with the edges, `[[edge, index]]`, whose ends are both there. @param {Doc} document @param {[string, number][]} places @returns {Doc} */
function restoreEdges(document, places) {
  let edges = document.edges;
  for (const [edge, index] of places) {
    const [source, , target] = parseEdge(edge);
    const joinsSteps = hasStep(document, source) && hasStep(document, target);
    if (joinsSteps && !edges.includes(edge)) edges = insert(edges, edge, readIndex(index));
  }
  return { ...document, edges };
}

/** The document with the step in the groups, `{group: index}`, that are there. @param {Doc} document @param {string} id @param {Doc} groups @returns {Doc} */
function restoreMemberships(document, id, groups) {
  for (const [group, index] of Object.entries(groups)) {
    if (!Object.hasOwn(document.groups, group) || listMembers(document, group).includes(id)) continue;
    document = setMembers(document, group, insert(listMembers(document, group), id, readIndex(index)));
  }
  return document;
}

/** Remove a step with its edges, its place and its membership in groups. @type {Handler} */
export function removeStep(document, op) {
  const id = readText(op, "id");
  /** @type {Operation} */
  const inverse = { op: "add_step", id, step: findStep(document, id) };
  if (Object.hasOwn(document.layout, id)) inverse.at = document.layout[id];
  const [edges, places] = removeEdgesOf(document.edges, id);
  if (places.length) inverse.edges = places;
  const groups = listGroupsOf(document, id);
  if (groups.length) {
    inverse.groups = Object.fromEntries(groups.map((g) => [g, listMembers(document, g).indexOf(id)]));
  }
  const changed = groups.reduce(
    (left, group) => setMembers(left, group, listMembers(left, group).filter((each) => each !== id)),
    { ...document, steps: without(document.steps, id), layout: without(document.layout, id), edges },
  );
  return [changed, inverse];
}

/** The edges that do not touch the step, and those that do with their indexes. @param {string[]} edges @param {string} id @returns {[string[], [string, number][]]} */
function removeEdgesOf(edges, id) {
  /** @type {[string, number][]} */
  const places = [];
  const others = edges.filter((edge, index) => {
    const [source, , target] = parseEdge(edge);
    const touches = source === id || target === id;
    if (touches) places.push([edge, index]);
    return !touches;
  });
  return [places.length ? others : edges, places];
}

// --- Renaming ------------------------------------------------------------------------------

/**
 * Rename a step wherever the document names it. `texts` is `{pointer: [before, after]}` for texts
 * that renaming back cannot restore, because they named the new step before there was one; `tests`
 * is `[before, after]` in the same case.
 * @type {Handler}
 */
export function renameStep(document, op) {
  const old = readText(op, "id");
  const to = readText(op, "to");
  const given = readOptionalMapping(op, "texts");
  if (!Object.values(given).every((pair) => areTexts(pair) && isPair(pair))) {
    throw malformed("`texts` must hold pairs of texts, [before, after].");
  }
  findStep(document, old);
  checkNewStepId(document, to);
  const [renamed, texts] = renameReferences(renameInSections(document, old, to), old, to, given);
  /** @type {Operation} */
  const inverse = { op: "rename_step", id: to, to: old };
  if (Object.keys(texts).length) inverse.texts = texts;
  if (!("tests" in renamed)) return [renamed, inverse];
  const [tests, pair] = renameTests(renamed.tests, op);
  if (pair) inverse.tests = pair;
  return [{ ...renamed, tests }, inverse];
}

/** The document with the step renamed in steps, layout, edges and groups. @param {Doc} document @param {string} old @param {string} to @returns {Doc} */
function renameInSections(document, old, to) {
  const renamed = {
    ...document,
    steps: renameKey(document.steps, old, to),
    layout: renameKey(document.layout, old, to),
    edges: document.edges.map((/** @type {string} */ edge) => renameEnds(edge, old, to)),
  };
  return listGroupsOf(document, old).reduce(
    (changed, group) =>
      setMembers(changed, group, listMembers(document, group).map((id) => (id === old ? to : id))),
    renamed,
  );
}

/** The tests with the step renamed, and the pair that the inverse needs, or null. @param {Json} tests @param {Operation} op @returns {[Json, Json[] | null]} */
function renameTests(tests, op) {
  const given = op.tests ?? null;
  if (given !== null && !isPair(given)) throw malformed("`tests` must be a pair, [before, after].");
  const renamed = given && same(given[0], tests) ? given[1] : renameInTests(tests, op.id, op.to);
  const comesBack = same(renameInTests(renamed, op.to, op.id), tests);
  return [renamed, comesBack ? null : [renamed, tests]];
}

// --- Fields --------------------------------------------------------------------------------

/** Set a field of a step, or remove it. @type {Handler} */
export function setField(document, op) {
  const id = readText(op, "step");
  const [step, undo] = setAt(findStep(document, id), op, STEP_FIELDS);
  return [setEntry(document, "steps", id, step), { op: "set_field", step: id, ...undo }];
}
