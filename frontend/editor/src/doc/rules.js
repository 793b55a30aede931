// @ts-check
// What may be joined to what, and why not. Words for people; the server checks only coherence.

import { formatEdge, parseEdge } from "./operations/index.js";

/** @typedef {import("./operations/index.js").Doc} Doc */

/**
 * Why an edge may not be drawn, or null if it may.
 * @param {Doc} document
 * @param {string[]} ports the source's ports
 * @param {string} source @param {string} port @param {string} target
 * @returns {string | null}
 */
export function refuseEdge(document, ports, source, port, target) {
  if (!document.steps[source] || !document.steps[target]) return "That step is no longer here.";
  if (!ports.length) return `“${titleOf(document, source)}” ends a path: nothing follows it.`;
  if (port !== "error" && !ports.includes(port)) return `There is no port “${port}” any more.`;
  if (document.edges.includes(formatEdge(source, port, target))) return "They are connected already.";
  if (source === target && !document.steps[source].max_visits) {
    return "A step can follow itself only with a limit: set “Most visits” first.";
  }
  return null;
}

/** Whether people decide there: such a step must look different at a glance. @param {any} type */
export const isCheckpoint = (type) => Boolean(type?.waits && type.category === "People");

/** @param {Doc} document @param {string} id */
export const titleOf = (document, id) => document.steps[id]?.title || id.replaceAll("_", " ");

/**
 * The ports of a step: what its type says, and any that an edge still uses.
 * @param {Doc} document @param {string} id @param {string[]} declared
 */
export function usedPorts(document, id, declared) {
  const used = document.edges.map(parseEdge).filter((/** @type {string[]} */ e) => e[0] === id && e[1] !== "error");
  return [...new Set([...declared, ...used.map((/** @type {string[]} */ e) => e[1])])];
}

/** @param {Doc} document @returns {string[]} steps that no edge leads to, as drawn from the left */
export function startSteps(document) {
  const led = new Set(document.edges.map((/** @type {string} */ edge) => parseEdge(edge)[2]));
  const free = Object.keys(document.steps).filter((id) => !led.has(id));
  const place = (/** @type {string} */ id) => document.layout[id] ?? [0, 0];
  return (free.length ? free : Object.keys(document.steps)).sort(
    (a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1],
  );
}

/** @param {Doc} document @returns {string[]} every step, along the edges from the start */
export function walkOrder(document) {
  /** @type {Map<string, string[]>} */
  const after = new Map();
  for (const edge of document.edges) {
    const [source, , target] = parseEdge(edge);
    const known = after.get(source);
    if (known) known.push(target);
    else after.set(source, [target]);
  }
  const seen = new Set();
  const waiting = startSteps(document).reverse();
  while (waiting.length) {
    const id = /** @type {string} */ (waiting.pop());
    if (seen.has(id)) continue;
    seen.add(id);
    waiting.push(...(after.get(id) ?? []).filter((each) => !seen.has(each)).reverse());
  }
  return [...seen, ...Object.keys(document.steps).filter((id) => !seen.has(id))];
}
