// @ts-check
// Operations on edges, which are texts: `source.port -> target`.

import { readIndex, readText } from "./arguments.js";
import { OperationRefused, malformed } from "./refusals.js";
import { findStep } from "./sections.js";
import { insert } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */
/** @typedef {import("./values.js").Handler} Handler */

const EDGE = /^\s*([^\s.>]+)\.([^\s.>]+)\s*->\s*([^\s.>]+)\s*$/;

/** Add an edge. @type {Handler} */
export function connect(document, op) {
  const edge = readNewEdge(document, op, "edge");
  const index = readIndex(op.index === undefined ? document.edges.length : op.index);
  return [{ ...document, edges: insert(document.edges, edge, index) }, { op: "disconnect", edge }];
}

/** Remove an edge. @type {Handler} */
export function disconnect(document, op) {
  const edge = findEdge(document, op);
  const index = document.edges.indexOf(edge);
  const edges = [...document.edges.slice(0, index), ...document.edges.slice(index + 1)];
  return [{ ...document, edges }, { op: "connect", edge, index }];
}

/** Turn the edge `edge` into `to`, in its place in the list. @type {Handler} */
export function reconnect(document, op) {
  const edge = findEdge(document, op);
  const to = readNewEdge(document, op, "to");
  const edges = document.edges.map((/** @type {string} */ each) => (each === edge ? to : each));
  return [{ ...document, edges }, { op: "reconnect", edge: to, to: edge }];
}

// --- An edge's text ------------------------------------------------------------------------

/** The canvas asks for the same edges at each frame. @type {Map<string, [string, string, string]>} */
const parsed = new Map();
const MAX_PARSED = 20_000;

/** @param {Json} edge @returns {[string, string, string]} source, port, target */
export function parseEdge(edge) {
  const known = parsed.get(edge);
  if (known) return known;
  const found = typeof edge === "string" ? EDGE.exec(edge) : null;
  if (!found) throw malformed(`\`${edge}\` is not an edge: write \`step.port -> step\`.`);
  if (parsed.size > MAX_PARSED) parsed.clear();
  /** @type {[string, string, string]} */
  const ends = [found[1], found[2], found[3]];
  parsed.set(edge, ends);
  return ends;
}

/** The edge as the document holds it. @param {string} source @param {string} port @param {string} target */
export const formatEdge = (source, port, target) => `${source}.${port} -> ${target}`;

/** The edge with a step renamed at either end. @param {string} edge @param {string} old @param {string} to */
export function renameEnds(edge, old, to) {
  const [source, port, target] = parseEdge(edge);
  if (source !== old && target !== old) return edge;
  return formatEdge(source === old ? to : source, port, target === old ? to : target);
}

// --- Edges that an operation names ---------------------------------------------------------

/** The edge at the key, which must join two steps and not be there yet. @param {Doc} document @param {Operation} op @param {string} key */
function readNewEdge(document, op, key) {
  const [source, port, target] = parseEdge(op[key]);
  findStep(document, source);
  findStep(document, target);
  const edge = formatEdge(source, port, target);
  if (document.edges.includes(edge)) {
    throw new OperationRefused("edge_exists", `The edge \`${edge}\` is already in the flow.`, "Leave it as it is.");
  }
  return edge;
}

/** `edge`, which must be in the flow. @param {Doc} document @param {Operation} op */
function findEdge(document, op) {
  const edge = readText(op, "edge");
  if (!document.edges.includes(edge)) {
    throw new OperationRefused(
      "edge_missing",
      `The edge \`${edge}\` is no longer in the flow.`,
      "Somebody may have removed it: connect the steps again, or leave this edit.",
    );
  }
  return edge;
}
