// @ts-check
// Which steps may be connected, and why not, in words for people. The server checks only that the
// document holds together.

import { formatEdge, own, parseEdge } from "./operations/index.js";

/** @typedef {import("./operations/index.js").Doc} Doc */

/**
 * The reason why an edge may not be drawn, or null if it may.
 * @param {Doc} document
 * @param {string[]} ports the source's ports
 * @param {string} source @param {string} port @param {string} target
 * @returns {string | null}
 */
export function refuseEdge(document, ports, source, port, target) {
  if (!own(document.steps, source) || !own(document.steps, target)) return "That step is no longer in the flow.";
  if (!ports.length) return `“${titleOf(document, source)}” ends a path: nothing can follow it.`;
  if (port !== "error" && !ports.includes(port)) return `“${titleOf(document, source)}” no longer has a port “${port}”.`;
  if (document.edges.includes(formatEdge(source, port, target))) return "They are connected already.";
  if (source === target && !own(document.steps, source).max_visits) {
    return "A step can follow itself only with a limit: set “Most visits” first.";
  }
  return null;
}

/** Whether people decide at such a step, which then looks different at a glance. @param {any} type */
export const isCheckpoint = (type) => Boolean(type?.waits && type.category === "People");

/** @param {Doc} document @param {string} id */
export const titleOf = (document, id) => own(document.steps, id)?.title || id.replaceAll("_", " ");

/** @param {Doc} document @returns {string[]} the steps that no edge leads to, from left to right */
export function findStartSteps(document) {
  const targets = new Set(document.edges.map((/** @type {string} */ edge) => parseEdge(edge)[2]));
  const free = Object.keys(document.steps).filter((id) => !targets.has(id));
  const place = (/** @type {string} */ id) => own(document.layout, id) ?? [0, 0];
  return (free.length ? free : Object.keys(document.steps)).sort(
    (a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1],
  );
}

/** @param {Doc} document @returns {string[]} every step, in the order of the edges from the start */
export function orderSteps(document) {
  /** @type {Map<string, string[]>} */
  const after = new Map();
  for (const edge of document.edges) {
    const [source, , target] = parseEdge(edge);
    const known = after.get(source);
    if (known) known.push(target);
    else after.set(source, [target]);
  }
  const seen = new Set();
  const waiting = findStartSteps(document).reverse();
  while (waiting.length) {
    const id = /** @type {string} */ (waiting.pop());
    if (seen.has(id)) continue;
    seen.add(id);
    waiting.push(...(after.get(id) ?? []).filter((each) => !seen.has(each)).reverse());
  }
  return [...seen, ...Object.keys(document.steps).filter((id) => !seen.has(id))];
}
