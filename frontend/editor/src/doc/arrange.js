// @ts-check
// Automatic layout in layers, from left to right. A web worker does it, and is loaded at the first
// use.

import ELK from "elkjs/lib/elk-api.js";

import { CARD, GAP, cardHeight, portPlace, snap } from "./geometry.js";
import { own, parseEdge } from "./operations/index.js";
import { findStartSteps } from "./rules.js";

/** @typedef {import("./operations/index.js").Doc} Doc */

/** @type {any} */
let elk = null;

/**
 * New places for all steps, or for those in `only`. The anchor stays where it is.
 * @param {Doc} document @param {(id: string) => string[]} portsOf
 * @param {string[] | null} only @param {string | null} anchor @param {string} worker the worker's URL
 * @returns {Promise<{[id: string]: [number, number]}>}
 */
export async function arrange(document, portsOf, only, anchor, worker) {
  elk ??= new ELK({ workerFactory: () => new Worker(worker) });
  const ids = only ?? Object.keys(document.steps);
  const result = await elk.layout(toElk(document, portsOf, new Set(ids)));
  const fixed = anchor && ids.includes(anchor) ? anchor : findStartSteps(document).find((id) => ids.includes(id) && own(document.layout, id)) ?? ids[0];
  const anchored = result.children.find((/** @type {any} */ child) => child.id === fixed);
  const [x, y] = own(document.layout, fixed) ?? [0, 0];
  /** @type {Map<string, [number, number]>} */
  const places = new Map();
  for (const child of result.children) {
    /** @type {[number, number]} */
    const at = [snap(x + child.x - anchored.x), snap(y + child.y - anchored.y)];
    const known = own(document.layout, child.id);
    if (!known || known[0] !== at[0] || known[1] !== at[1]) places.set(child.id, at);
  }
  return Object.fromEntries(places);
}

/** @param {Doc} document @param {(id: string) => string[]} portsOf @param {Set<string>} ids */
export function toElk(document, portsOf, ids) {
  const children = [...ids].map((id) => {
    const ports = portsOf(id);
    const out = ports.length ? [...ports, "error"] : [];
    return {
      id, width: CARD.width, height: cardHeight(ports), layoutOptions: { "elk.portConstraints": "FIXED_POS" },
      ports: [
        { id: `${id} in`, x: 0, y: CARD.header / 2, width: 0, height: 0, layoutOptions: { "elk.port.side": "WEST" } },
        ...out.map((port) => {
          const { x, y, side } = portPlace(ports, port);
          return { id: `${id} out ${port}`, x, y, width: 0, height: 0, layoutOptions: { "elk.port.side": side === "bottom" ? "SOUTH" : "EAST" } };
        }),
      ],
    };
  });
  const edges = document.edges.map(parseEdge).filter((/** @type {string[]} */ e) => ids.has(e[0]) && ids.has(e[2])).map((/** @type {string[]} */ e, /** @type {number} */ i) => ({
    id: `e${i}`, sources: [`${e[0]} out ${e[1]}`], targets: [`${e[2]} in`],
  }));
  return {
    id: "flow", children, edges,
    layoutOptions: {
      "elk.algorithm": "layered", "elk.direction": "RIGHT", "elk.layered.spacing.nodeNodeBetweenLayers": String(GAP.x),
      "elk.spacing.nodeNode": String(GAP.y), "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES", "elk.separateConnectedComponents": "true",
    },
  };
}
