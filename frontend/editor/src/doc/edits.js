// @ts-check
// Edits as a person thinks of them, turned into operations. Pure: a document in, an operation out.

import { CARD, GAP, boundBoxes, cardBox, findFreePlace, snap } from "./geometry.js";
import { formatEdge, own, parseEdge } from "./operations/index.js";

/** @typedef {import("./operations/index.js").Doc} Doc */
/** @typedef {import("./operations/index.js").Operation} Operation */
/** @typedef {(id: string) => string[]} PortsOf */
/** @typedef {{name: string, title: string, ports: string[]}} Type */
/** @typedef {{steps: Doc, edges: string[], layout: Doc, notes?: Doc, groups?: Doc}} Clip */

/** One operation that does them all. @param {string} label @param {Operation[]} operations @returns {Operation} */
export const combine = (label, operations) =>
  operations.length === 1 ? operations[0] : { op: "batch", label, operations };

/** A name that is not taken, and close to the wish. @param {Iterable<string>} taken @param {string} wish */
export function chooseFreeName(taken, wish) {
  const names = new Set(taken);
  const base = wish.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "").slice(0, 70) || "step";
  if (!names.has(base)) return base;
  const stem = base.replace(/_\d+$/, "");
  let number = 2;
  while (names.has(`${stem}_${number}`)) number += 1;
  return `${stem}_${number}`;
}

/** @param {Doc} document @param {PortsOf} portsOf */
const listBoxes = (document, portsOf) => Object.keys(document.layout).map((id) => cardBox(document, id, portsOf(id)));

/** The first port without an edge, or else the first. @param {Doc} document @param {string} source @param {string[]} ports */
export function findOpenPort(document, source, ports) {
  const used = new Set(document.edges.map(parseEdge).filter((/** @type {string[]} */ e) => e[0] === source).map((/** @type {string[]} */ e) => e[1]));
  return ports.find((port) => !used.has(port)) ?? ports[0] ?? null;
}

/** The steps that a step's errors lead to. @param {Doc} document @param {string} step @returns {string[]} */
export function findErrorTargets(document, step) {
  const ends = document.edges.map(parseEdge).filter((/** @type {string[]} */ [from, port]) => from === step && port === "error");
  return ends.map((/** @type {string[]} */ each) => each[2]);
}

/**
 * Lead a step's errors to one step instead of where they go now. To none, they fail the run.
 * @param {Doc} document @param {string} step @param {string} to "" for none
 * @returns {Operation | null} null if they already do
 */
export function routeError(document, step, to) {
  const now = findErrorTargets(document, step);
  const [kept, ...others] = now.includes(to) ? [to, ...now.filter((each) => each !== to)] : now;
  const edge = (/** @type {string} */ target) => formatEdge(step, "error", target);
  /** @type {Operation[]} */
  const operations = others.map((target) => ({ op: "disconnect", edge: edge(target) }));
  if (kept && !to) operations.push({ op: "disconnect", edge: edge(kept) });
  if (kept && to && kept !== to) operations.push({ op: "reconnect", edge: edge(kept), to: edge(to) });
  if (!kept && to) operations.push({ op: "connect", edge: edge(to) });
  return operations.length ? combine(to ? `Errors of ${step} lead to ${to}` : `Errors of ${step} fail the run`, operations) : null;
}

/**
 * Add a step, beside another and connected to it, or at a place.
 * @param {Doc} document @param {PortsOf} portsOf @param {Type} type
 * @param {{from?: {step: string, port?: string | null} | null, into?: string | null, at?: [number, number] | null}} where
 * @returns {{id: string, op: Operation}}
 */
export function addStep(document, portsOf, type, { from = null, into = null, at = null }) {
  const id = chooseFreeName(Object.keys(document.steps), type.name.split(".").at(-1) ?? "step");
  const wish = { x: at?.[0] ?? 0, y: at?.[1] ?? 0, width: CARD.width, height: CARD.header };
  if (!at && from) {
    const beside = cardBox(document, from.step, portsOf(from.step));
    wish.x = beside.x + CARD.width + GAP.x;
    wish.y = beside.y;
  } else if (!at && Object.keys(document.layout).length) {
    const all = boundBoxes(listBoxes(document, portsOf));
    wish.x = all.x;
    wish.y = all.y + all.height + GAP.y;
  }
  const place = at ? [snap(at[0]), snap(at[1])] : findFreePlace(wish, listBoxes(document, portsOf));
  /** @type {Operation[]} */
  const operations = [{ op: "add_step", id, step: { type: type.name, title: type.title }, at: place }];
  const port = from && (from.port ?? findOpenPort(document, from.step, portsOf(from.step)));
  if (from && port) operations.push({ op: "connect", edge: formatEdge(from.step, port, id) });
  if (into && type.ports.length) operations.push({ op: "connect", edge: formatEdge(id, type.ports[0], into) });
  return { id, op: combine(`Add ${type.title}`, operations) };
}

/**
 * Insert a step into an edge, and make room for it.
 * @param {Doc} document @param {PortsOf} portsOf @param {Type} type @param {string} edge
 */
export function insertOnEdge(document, portsOf, type, edge) {
  const [source, port, target] = parseEdge(edge);
  const id = chooseFreeName(Object.keys(document.steps), type.name.split(".").at(-1) ?? "step");
  const from = cardBox(document, source, portsOf(source));
  const to = cardBox(document, target, portsOf(target));
  const x = from.x + CARD.width + GAP.x;
  const forward = to.x > from.x;
  const at = forward ? [snap(x), snap((from.y + to.y) / 2)] : [snap((from.x + to.x) / 2), snap(Math.max(from.y, to.y) + 120)];
  /** @type {Operation[]} */
  const operations = [
    { op: "disconnect", edge },
    { op: "add_step", id, step: { type: type.name, title: type.title }, at },
    { op: "connect", edge: formatEdge(source, port, id) },
  ];
  if (type.ports.length) operations.push({ op: "connect", edge: formatEdge(id, type.ports[0], target) });
  const lacking = at[0] + CARD.width + GAP.x - to.x;
  if (forward && lacking > 0) {
    const behind = Object.entries(document.layout).filter(([each, p]) => each !== source && p[0] >= to.x);
    operations.push({ op: "move", steps: Object.fromEntries(behind.map(([each, p]) => [each, [p[0] + snap(lacking), p[1]]])) });
  }
  return { id, op: combine(`Insert ${type.title}`, operations) };
}

/**
 * The edges that close the gaps: from each port that led to the removed steps, to the only step that
 * followed them. Where several followed, no edge is drawn, as any of them could be meant.
 * @param {Doc} document @param {string[]} ids @returns {string[]}
 */
export function findBridges(document, ids) {
  const removed = new Set(ids);
  const edges = document.edges.map(parseEdge);
  /** @type {Set<string>} */
  const found = new Set();
  for (const [source, port, first] of edges) {
    if (removed.has(source) || !removed.has(first)) continue;
    const targets = findReached(edges, removed, first);
    if (targets.length === 1 && targets[0] !== source) found.add(formatEdge(source, port, targets[0]));
  }
  return [...found].filter((edge) => !document.edges.includes(edge));
}

/** @param {string[][]} edges @param {Set<string>} going @param {string} first @returns {string[]} */
function findReached(edges, removed, first) {
  const seen = new Set([first]);
  for (const here of seen) {
    if (!removed.has(here)) continue;
    for (const [from, port, to] of edges) if (from === here && port !== "error") seen.add(to);
  }
  return [...seen].filter((id) => !removed.has(id));
}

/**
 * Remove steps, edges, notes and groups, and close the gaps if `join` is true.
 * @param {Doc} document @param {{steps?: string[], edges?: string[], notes?: string[], groups?: string[], join?: boolean}} what
 * @returns {{op: Operation, bridged: number} | null}
 */
export function remove(document, { steps = [], edges = [], notes = [], groups = [], join = true }) {
  const removed = new Set(steps);
  const apart = edges.filter((edge) => !removed.has(parseEdge(edge)[0]) && !removed.has(parseEdge(edge)[2]));
  const joined = edges.length || !join ? [] : findBridges(document, steps);
  /** @type {Operation[]} */
  const operations = [
    ...apart.map((edge) => ({ op: "disconnect", edge })),
    ...steps.map((id) => ({ op: "remove_step", id })),
    ...joined.map((edge) => ({ op: "connect", edge })),
    ...notes.map((id) => ({ op: "remove_note", id })),
    ...groups.map((id) => ({ op: "remove_group", id })),
  ];
  return operations.length ? { op: combine("Delete", operations), bridged: joined.length } : null;
}

/** A copy of steps and notes, with the edges and groups among them. @param {Doc} document @param {string[]} steps @param {string[]} [notes] @returns {Clip} */
export function clip(document, steps, notes = []) {
  const among = new Set(steps);
  const pick = (/** @type {Doc} */ from, /** @type {Iterable<string>} */ keys) =>
    Object.fromEntries([...keys].filter((key) => own(from, key)).map((key) => [key, own(from, key)]));
  return {
    steps: pick(document.steps, among),
    edges: document.edges.filter((/** @type {string} */ edge) => among.has(parseEdge(edge)[0]) && among.has(parseEdge(edge)[2])),
    layout: pick(document.layout, among),
    notes: pick(document.notes, notes),
    groups: pick(document.groups, Object.keys(document.groups).filter((id) => {
      const members = own(document.groups, id).steps ?? [];
      return members.length && members.every((/** @type {string} */ step) => among.has(step));
    })),
  };
}

/**
 * Insert copied steps under names that are free. `at` is the place of their top left corner.
 * @param {Doc} document @param {Clip} clipped @param {[number, number] | null} at
 * @returns {{ids: string[], notes: string[], op: Operation} | null}
 */
export function paste(document, clipped, at) {
  const taken = new Set(Object.keys(document.steps));
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const id of Object.keys(clipped.steps)) {
    const free = taken.has(id) ? chooseFreeName(taken, id) : id;
    names.set(id, free);
    taken.add(free);
  }
  const places = [...Object.values(clipped.layout ?? {}), ...Object.values(clipped.notes ?? {}).map((n) => n.at ?? [0, 0])];
  const corner = [Math.min(...places.map((p) => p[0]), Infinity), Math.min(...places.map((p) => p[1]), Infinity)];
  const shift = at && places.length ? [at[0] - corner[0], at[1] - corner[1]] : findPasteShift(document, places);
  const shiftPoint = (/** @type {number[]} */ p) => [snap(p[0] + shift[0]), snap(p[1] + shift[1])];
  /** @type {Operation[]} */
  const operations = Object.entries(clipped.steps).map(([id, step], index) => ({
    op: "add_step", id: names.get(id), step: renameInValue(step, names),
    at: shiftPoint(own(clipped.layout, id) ?? [index * (CARD.width + GAP.x), 0]),
  }));
  for (const edge of clipped.edges ?? []) {
    const [source, port, target] = parseEdge(edge);
    if (!names.has(source) || !names.has(target)) continue;
    operations.push({ op: "connect", edge: formatEdge(names.get(source) ?? "", port, names.get(target) ?? "") });
  }
  const notes = Object.entries(clipped.notes ?? {}).map(([id, note]) => ({
    op: "add_note", id: chooseFreeName(Object.keys(document.notes), id), note: { ...note, at: shiftPoint(note.at ?? [0, 0]) },
  }));
  operations.push(...notes);
  const groups = new Set(Object.keys(document.groups));
  for (const [wish, group] of Object.entries(clipped.groups ?? {})) {
    const steps = (group.steps ?? []).map((/** @type {string} */ id) => names.get(id)).filter(Boolean);
    const id = groups.has(wish) ? chooseFreeName(groups, wish) : wish;
    groups.add(id);
    if (steps.length) operations.push({ op: "add_group", id, group: { ...group, steps } });
  }
  if (!operations.length) return null;
  return { ids: [...names.values()], notes: notes.map((n) => n.id), op: combine("Paste", operations) };
}

const GRID_SHIFT = 48;

/** The shift that puts a copy beside the original, and beside earlier copies. @param {Doc} document @param {number[][]} places */
function findPasteShift(document, places) {
  const taken = new Set(Object.values(document.layout).map(String));
  let shift = GRID_SHIFT;
  while (places.some((p) => taken.has(String([snap(p[0] + shift), snap(p[1] + shift)])))) shift += GRID_SHIFT;
  return [shift, shift];
}

/** The value with the pasted steps' new names in its expressions. @param {any} value @param {Map<string, string>} names @returns {any} */
function renameInValue(value, names) {
  if (typeof value === "string") {
    return value.replace(/\bsteps(\.|\[["'])([A-Za-z0-9_]+)/g, (whole, between, id) => (names.has(id) ? `steps${between}${names.get(id)}` : whole));
  }
  if (Array.isArray(value)) return value.map((each) => renameInValue(each, names));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, renameInValue(each, names)]));
  }
  return value;
}

/** @param {Doc} document @param {string[]} steps @param {string} [title] */
export function groupSteps(document, steps, title = "Group") {
  const id = chooseFreeName(Object.keys(document.groups), "group");
  return { id, op: { op: "add_group", id, group: { title, steps } } };
}

/** @param {Doc} document @param {string} id @param {string[]} steps @returns {Operation} */
export const joinGroup = (document, id, steps) => ({
  op: "set_group", id, path: "/steps", value: [...new Set([...(own(document.groups, id).steps ?? []), ...steps])],
});

/**
 * Remove groups, and take steps out of theirs. A group without steps is removed as well.
 * @param {Doc} document @param {string[]} groups @param {string[]} steps @returns {Operation | null}
 */
export function ungroupSteps(document, groups, steps) {
  /** @type {Operation[]} */
  const operations = groups.map((id) => ({ op: "remove_group", id }));
  for (const [id, group] of Object.entries(document.groups)) {
    const left = (group.steps ?? []).filter((/** @type {string} */ step) => !steps.includes(step));
    if (groups.includes(id) || left.length === (group.steps ?? []).length) continue;
    operations.push(left.length ? { op: "set_group", id, path: "/steps", value: left } : { op: "remove_group", id });
  }
  return operations.length ? combine("Ungroup", operations) : null;
}
