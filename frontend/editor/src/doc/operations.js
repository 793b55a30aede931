// @ts-check
// Edits of a flow document, each with the edit that undoes it: the browser's half of
// flows/graph/operations.py. tests/vectors/operations holds both to one another.

import { renameInTests, renameReferences } from "./references.js";

/** @typedef {any} Json */
/** @typedef {{[key: string]: Json}} Doc */
/** @typedef {{op: string, [key: string]: Json}} Operation */

const STEP_ID = /^(?!__)[^\s.>]{1,80}$/;
const EDGE = /^\s*([^\s.>]+)\.([^\s.>]+)\s*->\s*([^\s.>]+)\s*$/;
const STEP_FIELDS = new Set([
  "type", "title", "with", "retry", "limit", "cache", "timeout_seconds", "max_visits",
  "compensate", "runbook",
]);
const FLOW_FIELDS = new Set(["title", "description", "lane", "input", "output", "samples", "tests"]);
const NOTE_FIELDS = new Set(["text", "at", "size", "colour"]);
const GROUP_FIELDS = new Set(["title", "steps", "collapsed", "colour"]);
const ABSENT = Symbol("absent");
const MAX_NESTING = 8;

export class OperationRefused extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string} remedy
   * @param {Json} [current] what stands where the operation wanted to write
   */
  constructor(code, message, remedy, current) {
    super(message);
    this.code = code;
    this.remedy = remedy;
    this.current = current;
  }
}

/** @param {Doc} document @returns {Doc} the document with every section an operation may write */
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

/**
 * Apply one operation: the new document, sharing what did not change, and what undoes it.
 * @param {Doc} document
 * @param {Operation} op
 * @returns {[Doc, Operation]}
 */
export function apply(document, op) {
  if (!isObject(op) || typeof op.op !== "string") throw malformed("An operation needs the key `op`.");
  const handler = Object.hasOwn(HANDLERS, op.op) ? HANDLERS[op.op] : null;
  if (!handler) {
    throw new OperationRefused("unknown_operation", `There is no operation \`${op.op}\`.`, "Reload the page.");
  }
  return handler(normalForm(document), op);
}

/** @param {string} message */
const malformed = (message) => new OperationRefused("malformed", message, "See docs/editor.md.");

// --- Steps ---------------------------------------------------------------------------------

/** @type {Handler} */
function addStep(document, op) {
  const id = text(op, "id");
  const step = mapping(op, "step");
  refuseNewId(document, id);
  if (typeof step.type !== "string" || Object.keys(step).some((key) => !STEP_FIELDS.has(key))) {
    throw malformed("A step has a `type` and known fields only.");
  }
  let changed = { ...document, steps: { ...document.steps, [id]: step } };
  if (op.at != null) changed.layout = { ...document.layout, [id]: point(op.at) };
  for (const [edge, index] of edgePlaces(op)) {
    const [source, , target] = parseEdge(edge);
    const ends = hasStep(changed, source) && hasStep(changed, target);
    if (ends && !changed.edges.includes(edge)) changed.edges = inserted(changed.edges, edge, index);
  }
  for (const [group, index] of Object.entries(optionalMapping(op, "groups"))) {
    if (Object.hasOwn(changed.groups, group) && !members(changed, group).includes(id)) {
      changed = withMembers(changed, group, inserted(members(changed, group), id, index));
    }
  }
  return [changed, { op: "remove_step", id }];
}

/** @type {Handler} */
function removeStep(document, op) {
  const id = text(op, "id");
  /** @type {Operation} */
  const inverse = { op: "add_step", id, step: presentStep(document, id) };
  if (Object.hasOwn(document.layout, id)) inverse.at = document.layout[id];
  const taken = [];
  const edges = [];
  document.edges.forEach((/** @type {string} */ edge, /** @type {number} */ index) => {
    const [source, , target] = parseEdge(edge);
    if (source === id || target === id) taken.push([edge, index]);
    else edges.push(edge);
  });
  if (taken.length) inverse.edges = taken;
  let changed = {
    ...document,
    steps: without(document.steps, id),
    layout: without(document.layout, id),
    edges: taken.length ? edges : document.edges,
  };
  const groups = groupsOf(document, id);
  if (groups.length) {
    inverse.groups = Object.fromEntries(groups.map((g) => [g, members(document, g).indexOf(id)]));
  }
  for (const group of groups) {
    changed = withMembers(changed, group, members(changed, group).filter((each) => each !== id));
  }
  return [changed, inverse];
}

/** @type {Handler} */
function renameStep(document, op) {
  const old = text(op, "id");
  const to = text(op, "to");
  const known = optionalMapping(op, "texts");
  if (Object.values(known).some((pair) => !areTexts(pair) || pair.length !== 2)) {
    throw malformed("`texts` holds pairs of texts, [before, after].");
  }
  presentStep(document, old);
  refuseNewId(document, to);
  let renamed = {
    ...document,
    steps: withKey(document.steps, old, to),
    layout: withKey(document.layout, old, to),
    edges: document.edges.map((/** @type {string} */ edge) => renameEnds(edge, old, to)),
  };
  for (const group of groupsOf(document, old)) {
    renamed = withMembers(renamed, group, members(document, group).map((id) => (id === old ? to : id)));
  }
  const [changed, texts] = renameReferences(renamed, old, to, known);
  /** @type {Operation} */
  const inverse = { op: "rename_step", id: to, to: old };
  if (Object.keys(texts).length) inverse.texts = texts;
  if (!("tests" in changed)) return [changed, inverse];
  const [tests, lasting] = renamedTests(changed.tests, op);
  if (lasting) inverse.tests = lasting;
  return [{ ...changed, tests }, inverse];
}

/** See the Python half. @param {Json} tests @param {Operation} op @returns {[Json, Json[] | null]} */
function renamedTests(tests, op) {
  const given = op.tests ?? null;
  if (given !== null && !(Array.isArray(given) && given.length === 2)) throw malformed("`tests` is a pair, [before, after].");
  const changed = given && same(given[0], tests) ? given[1] : renameInTests(tests, op.id, op.to);
  return [changed, same(renameInTests(changed, op.to, op.id), tests) ? null : [changed, tests]];
}

/** @type {Handler} */
function setField(document, op) {
  const id = text(op, "step");
  const [step, undo] = setAt(presentStep(document, id), op, STEP_FIELDS);
  return [{ ...document, steps: { ...document.steps, [id]: step } }, { op: "set_field", step: id, ...undo }];
}

// --- The flow itself -----------------------------------------------------------------------

/** @type {Handler} */
function setFlow(document, op) {
  const [changed, undo] = setAt(document, op, FLOW_FIELDS);
  return [changed, { op: "set_flow", ...undo }];
}

/** @type {Handler} */
function replace(document, op) {
  const changed = normalForm(mapping(op, "document"));
  if (changed.name !== document.name) {
    throw new OperationRefused(
      "name_fixed",
      `This flow is \`${document.name}\`, the document is \`${changed.name}\`.`,
      "Change `name` in the document, or import it as a flow of its own.",
    );
  }
  const sections = ["steps", "layout", "notes", "groups"].every((name) => isObject(changed[name]));
  if (!sections || !Array.isArray(changed.edges)) throw malformed("A section is not of the right kind.");
  changed.edges.forEach(parseEdge);
  return [changed, { op: "replace", document }];
}

/** @type {Handler} */
function batch(document, op) {
  if (!Array.isArray(op.operations) || !op.operations.length) {
    throw malformed("A batch needs a list `operations` with at least one in it.");
  }
  if (nesting(op) > MAX_NESTING) throw malformed(`Batches may lie ${MAX_NESTING} deep in one another.`);
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

/** @param {Json} op @returns {number} how deep batches lie in one another */
function nesting(op) {
  let depth = 0;
  let level = [op];
  while (level.length && depth <= MAX_NESTING) {
    const batches = level.filter((each) => each?.op === "batch" && Array.isArray(each.operations));
    level = batches.flatMap((each) => each.operations);
    depth += batches.length ? 1 : 0;
  }
  return depth;
}

// --- Edges ---------------------------------------------------------------------------------

/** @type {Handler} */
function connect(document, op) {
  const edge = newEdge(document, op, "edge");
  const index = op.index === undefined ? document.edges.length : op.index;
  return [{ ...document, edges: inserted(document.edges, edge, index) }, { op: "disconnect", edge }];
}

/** @type {Handler} */
function disconnect(document, op) {
  const edge = presentEdge(document, op);
  const index = document.edges.indexOf(edge);
  const edges = [...document.edges.slice(0, index), ...document.edges.slice(index + 1)];
  return [{ ...document, edges }, { op: "connect", edge, index }];
}

/** @type {Handler} */
function reconnect(document, op) {
  const edge = presentEdge(document, op);
  const to = newEdge(document, op, "to");
  const edges = document.edges.map((/** @type {string} */ each) => (each === edge ? to : each));
  return [{ ...document, edges }, { op: "reconnect", edge: to, to: edge }];
}

// --- Layout, notes, groups -----------------------------------------------------------------

/** @type {Handler} */
function move(document, op) {
  const steps = among(optionalMapping(op, "steps"), document.steps);
  const notes = among(optionalMapping(op, "notes"), document.notes);
  if (!steps.length && !notes.length) throw missingStep("What was moved", "Nothing is left to move.");
  const layout = { ...document.layout };
  /** @type {Operation} */
  const inverse = { op: "move" };
  if (steps.length) inverse.steps = {};
  for (const [id, at] of steps) {
    inverse.steps[id] = Object.hasOwn(layout, id) ? layout[id] : null;
    if (at === null) delete layout[id];
    else layout[id] = point(at);
  }
  const changed = { ...document.notes };
  if (notes.length) inverse.notes = {};
  for (const [id, at] of notes) {
    inverse.notes[id] = changed[id].at ?? [0, 0];
    changed[id] = { ...changed[id], at: point(at) };
  }
  return [{ ...document, layout, notes: notes.length ? changed : document.notes }, inverse];
}

/** @param {string} section @param {string} word @returns {Handler} */
const adder = (section, word) => (document, op) => {
  const id = text(op, "id");
  let value = mapping(op, word);
  if (Object.hasOwn(document[section], id)) {
    throw new OperationRefused(`${word}_exists`, `There is already a ${word} \`${id}\`.`, "Give it another id.");
  }
  if (word === "note") value = { ...value, at: point(value.at ?? [0, 0]) };
  if (word === "group") value = groupOfPresent(document, value);
  return [{ ...document, [section]: { ...document[section], [id]: value } }, { op: `remove_${word}`, id }];
};

/** @param {string} section @param {string} word @param {Set<string>} fields @returns {Handler} */
const setter = (section, word, fields) => (document, op) => {
  const id = text(op, "id");
  if (!Object.hasOwn(document[section], id)) throw missing(word, id);
  let [value, undo] = setAt(document[section][id], op, fields);
  const present = word === "group" ? groupOfPresent(document, value) : value;
  if (present !== value) [value, undo] = [present, { path: "/steps", value: members(document, id) }];
  const changed = { ...document, [section]: { ...document[section], [id]: value } };
  return [changed, { op: `set_${word}`, id, ...undo }];
};

/** @param {string} section @param {string} word @returns {Handler} */
const remover = (section, word) => (document, op) => {
  const id = text(op, "id");
  if (!Object.hasOwn(document[section], id)) throw missing(word, id);
  const value = document[section][id];
  return [{ ...document, [section]: without(document[section], id) }, { op: `add_${word}`, id, [word]: value }];
};

// --- Fields by pointer ---------------------------------------------------------------------

/** @param {Doc} root @param {Operation} op @param {Set<string>} fields @returns {[Doc, Doc]} */
function setAt(root, op, fields) {
  const path = text(op, "path");
  const keys = parsePointer(path);
  if (!fields.has(keys[0])) {
    throw new OperationRefused("field_unknown", `\`${path}\` can't be set.`, `Settable: ${[...fields].sort().join(", ")}.`);
  }
  const isType = keys.length === 1 && keys[0] === "type" && fields.has("type");
  const removes = !("value" in op) || op.value === undefined;
  if (!removes && isType && typeof op.value !== "string") throw malformed("A step's `type` is text.");
  const here = valueAt(root, keys);
  const current = here === ABSENT ? null : here;
  if ("old" in op && !same(op.old, current)) {
    throw new OperationRefused(
      "field_changed", `\`${path}\` was changed by someone else meanwhile.`, "Keep theirs, or set yours again.", current,
    );
  }
  if (removes && (here === ABSENT || isType)) {
    throw new OperationRefused("path_missing", `\`${path}\` can't be removed.`, "Set it instead.");
  }
  const undo = shallowestChange(root, keys);
  return [writeAt(root, keys, removes ? ABSENT : op.value, path), undo];
}

/** @param {string} path @returns {string[]} the keys of an RFC 6901 pointer */
export function parsePointer(path) {
  if (!path.startsWith("/")) throw malformed(`\`${path}\` is not a pointer: it starts with \`/\`.`);
  return path.slice(1).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** @param {string[]} keys */
export const toPointer = (keys) =>
  keys.map((key) => "/" + key.replaceAll("~", "~0").replaceAll("/", "~1")).join("");

/** @param {Json} root @param {string} path @returns {Json} undefined where nothing stands */
export function lookUp(root, path) {
  const found = valueAt(root, parsePointer(path));
  return found === ABSENT ? undefined : found;
}

/** @param {Json} root @param {string[]} keys */
function valueAt(root, keys) {
  for (const key of keys) {
    if (isObject(root) && Object.hasOwn(root, key)) root = root[key];
    else if (Array.isArray(root) && /^\d+$/.test(key) && Number(key) < root.length) root = root[Number(key)];
    else return ABSENT;
  }
  return root;
}

/** @param {Doc} root @param {string[]} keys @returns {Doc} */
function shallowestChange(root, keys) {
  for (let depth = 1; depth <= keys.length; depth += 1) {
    if (valueAt(root, keys.slice(0, depth)) === ABSENT) return { path: toPointer(keys.slice(0, depth)) };
  }
  return { path: toPointer(keys), value: valueAt(root, keys) };
}

/** @param {Json} root @param {string[]} keys @param {Json} value @param {string} path @returns {Json} */
function writeAt(root, [key, ...rest], value, path) {
  if (Array.isArray(root)) return writeInList(root, key, rest, value, path);
  if (!isObject(root)) {
    throw new OperationRefused("path_missing", `\`${path}\` leads nowhere.`, "Set what is above it.");
  }
  if (rest.length) {
    return { ...root, [key]: writeAt(Object.hasOwn(root, key) ? root[key] : {}, rest, value, path) };
  }
  return value === ABSENT ? without(root, key) : { ...root, [key]: value };
}

/** @param {Json[]} root @param {string} key @param {string[]} rest @param {Json} value @param {string} path */
function writeInList(root, key, rest, value, path) {
  if (!/^\d+$/.test(key) || Number(key) >= root.length || (value === ABSENT && !rest.length)) {
    throw new OperationRefused("path_missing", `\`${path}\` is not an item of its list.`, "Set the whole list.");
  }
  const copy = [...root];
  copy[Number(key)] = rest.length ? writeAt(root[Number(key)], rest, value, path) : value;
  return copy;
}

// --- Checks and small parts ----------------------------------------------------------------

/** @param {Json} value @returns {value is Doc} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {Doc} document @param {string} id */
const hasStep = (document, id) => Object.hasOwn(document.steps, id);

/** @param {Operation} op @param {string} key @returns {string} */
function text(op, key) {
  if (typeof op[key] !== "string" || !op[key]) throw malformed(`\`${op.op}\` needs \`${key}\` as text.`);
  return op[key];
}

/** @param {Operation} op @param {string} key @returns {Doc} */
function mapping(op, key) {
  if (!isObject(op[key])) throw malformed(`\`${op.op}\` needs \`${key}\` as an object.`);
  return op[key];
}

/** @param {Operation} op @param {string} key @returns {Doc} */
const optionalMapping = (op, key) => (op[key] === undefined ? {} : mapping(op, key));

/** @param {Operation} op @returns {[string, number][]} */
function edgePlaces(op) {
  const places = op.edges === undefined ? [] : op.edges;
  if (!Array.isArray(places) || places.some((p) => !Array.isArray(p) || p.length !== 2)) {
    throw malformed("`edges` is a list of pairs, [edge, index].");
  }
  return /** @type {[string, number][]} */ (places);
}

/** @param {Doc} values @param {Doc} present @returns {[string, Json][]} */
const among = (values, present) => Object.entries(values).filter(([key]) => Object.hasOwn(present, key));

/** @param {Json} value @returns {[number, number]} */
function point(value) {
  if (!Array.isArray(value) || value.length !== 2 || !value.every((n) => typeof n === "number")) {
    throw malformed("A place is a pair of numbers, [x, y].");
  }
  return [value[0], value[1]];
}

/** @param {Json} value @returns {boolean} */
const areTexts = (value) => Array.isArray(value) && value.every((each) => typeof each === "string");

/** A group without the steps that have gone; see the Python half for why. @param {Doc} document @param {Doc} group @returns {Doc} */
function groupOfPresent(document, group) {
  if (!areTexts(group.steps) || new Set(group.steps).size !== group.steps.length) {
    throw malformed("A group needs `steps`, a list of different step ids.");
  }
  const steps = group.steps.filter((/** @type {string} */ id) => hasStep(document, id));
  return steps.length === group.steps.length ? group : { ...group, steps };
}

/** @param {string} word @param {string} id */
const missing = (word, id) =>
  new OperationRefused(`${word}_missing`, `There is no ${word} \`${id}\` any more.`, "It may have been removed.");

/** @param {string} what @param {string} remedy */
const missingStep = (what, remedy) =>
  new OperationRefused("step_missing", `${what} is no longer in the flow.`, remedy);

/** @param {Doc} document @param {string} id @returns {Doc} */
function presentStep(document, id) {
  if (!hasStep(document, id)) {
    throw missingStep(`Step \`${id}\``, "It may have been removed or renamed: undo that.");
  }
  return document.steps[id];
}

/** @param {Doc} document @param {string} id */
function refuseNewId(document, id) {
  if (!STEP_ID.test(id)) {
    throw new OperationRefused(
      "id_invalid", `\`${id}\` can't name a step.`, "Use letters, digits and _; at most 80.",
    );
  }
  if (hasStep(document, id)) {
    throw new OperationRefused("step_exists", `There is already a step \`${id}\`.`, "Give it another name.");
  }
}

/** @type {Map<string, [string, string, string]>} */
const parsed = new Map();

/** @param {Json} edge @returns {[string, string, string]} source, port, target */
export function parseEdge(edge) {
  const known = parsed.get(edge);
  if (known) return known;
  const found = typeof edge === "string" ? EDGE.exec(edge) : null;
  if (!found) throw malformed(`\`${edge}\` is not an edge: write \`step.port -> step\`.`);
  if (parsed.size > 20000) parsed.clear();
  /** @type {[string, string, string]} */
  const ends = [found[1], found[2], found[3]];
  parsed.set(edge, ends);
  return ends;
}

/** @param {string} source @param {string} port @param {string} target */
export const edgeText = (source, port, target) => `${source}.${port} -> ${target}`;

/** @param {string} edge @param {string} old @param {string} to */
function renameEnds(edge, old, to) {
  const [source, port, target] = parseEdge(edge);
  if (source !== old && target !== old) return edge;
  return edgeText(source === old ? to : source, port, target === old ? to : target);
}

/** @param {Doc} document @param {Operation} op @param {string} key */
function newEdge(document, op, key) {
  const [source, port, target] = parseEdge(op[key]);
  presentStep(document, source);
  presentStep(document, target);
  const edge = edgeText(source, port, target);
  if (document.edges.includes(edge)) {
    throw new OperationRefused("edge_exists", `\`${edge}\` is there already.`, "Nothing to do.");
  }
  return edge;
}

/** @param {Doc} document @param {Operation} op */
function presentEdge(document, op) {
  const edge = text(op, "edge");
  if (!document.edges.includes(edge)) {
    throw new OperationRefused("edge_missing", `\`${edge}\` is no longer in the flow.`, "It may have been removed.");
  }
  return edge;
}

/** @param {Doc} document @param {string} group @returns {string[]} */
const members = (document, group) => document.groups[group].steps || [];
/** @param {Doc} document @param {string} id */
const groupsOf = (document, id) => Object.keys(document.groups).filter((g) => members(document, g).includes(id));
/** @param {Doc} document @param {string} group @param {string[]} steps @returns {Doc} */
const withMembers = (document, group, steps) => ({
  ...document,
  groups: { ...document.groups, [group]: { ...document.groups[group], steps } },
});

/** @param {Doc} values @param {string} key @returns {Doc} */
function without(values, key) {
  const { [key]: _gone, ...rest } = values;
  return rest;
}

/** @param {Doc} values @param {string} old @param {string} to */
const withKey = (values, old, to) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key === old ? to : key, value]));

/** @template T @param {T[]} values @param {T} value @param {Json} index @returns {T[]} */
function inserted(values, value, index) {
  if (!Number.isInteger(index) || index < 0) throw malformed("`index` is a whole number from 0.");
  return [...values.slice(0, index), value, ...values.slice(index)];
}

/** @param {Json} one @param {Json} other @returns {boolean} */
export function same(one, other) {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, i) => same(each, other[i]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((k) => Object.hasOwn(other, k) && same(one[k], other[k]));
}

/** @typedef {(document: Doc, op: Operation) => [Doc, Operation]} Handler */
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
  add_note: adder("notes", "note"),
  set_note: setter("notes", "note", NOTE_FIELDS),
  remove_note: remover("notes", "note"),
  add_group: adder("groups", "group"),
  set_group: setter("groups", "group", GROUP_FIELDS),
  remove_group: remover("groups", "group"),
};
