// @ts-check
// Turns the document into the nodes and edges that React Flow draws. What has not changed keeps its
// identity, so that a card whose step is unchanged is not drawn again.

import { CARD, boundBoxes, cardBox, cardHeight, portPlace } from "../doc/geometry.js";
import { own, parseEdge } from "../doc/operations/index.js";

/** @typedef {import("../doc/operations/index.js").Doc} Doc */

export const NOTE = "note ";
export const GROUP = "group ";
const HEADER = 32;
const MARGIN = 24;
const DOT = 12;

/** @param {string[]} ports */
function makeHandles(ports) {
  const dot = (/** @type {string} */ id, /** @type {string} */ type, /** @type {string} */ position, /** @type {number} */ x, /** @type {number} */ y) => ({
    id, type, position, x: x - DOT / 2, y: y - DOT / 2, width: DOT, height: DOT,
  });
  const out = ports.length ? [...ports, "error"] : [];
  return [
    dot("in", "target", "left", 0, CARD.header / 2),
    ...out.map((port) => {
      const { x, y, side } = portPlace(ports, port);
      return dot(port, "source", side, x, y);
    }),
  ];
}

export class Deriver {
  constructor() {
    /** @type {Map<string, any>} */
    this.cards = new Map();
    /** @type {Map<string, any>} */
    this.lines = new Map();
  }

  /**
   * @param {Doc} document @param {{line: (id: string) => string, ports: (id: string) => string[], type: (id: string) => any}} face
   * @param {any[]} previous the nodes as they stand, with their selection and a drag under way
   */
  deriveNodes(document, face, previous) {
    const before = new Map(previous.map((node) => [node.id, node]));
    const hidden = mapHiddenSteps(document);
    const made = [
      ...Object.keys(document.groups).map((id) => this.makeGroup(document, id, face)),
      ...Object.keys(document.notes).map((id) => this.makeNote(document, id)),
      ...Object.keys(document.steps).filter((id) => !hidden.has(id)).map((id) => this.makeCard(document, id, face)),
    ].filter(Boolean);
    return made.map((node) => mergeNode(before.get(node.id), node));
  }

  /** @param {Doc} document @param {string} id @param {any} face */
  makeCard(document, id, face) {
    const [step, place] = [own(document.steps, id), own(document.layout, id)];
    const [line, ports, type] = [face.line(id), face.ports(id), face.type(id)];
    const known = this.cards.get(id);
    const portText = ports.join(" ");
    if (known && known.step === step && known.place === place && known.line === line && known.portText === portText && known.type === type) return known.node;
    const size = { width: CARD.width, height: cardHeight(ports) };
    const node = {
      id, type: "step", position: { x: place?.[0] ?? 0, y: place?.[1] ?? 0 }, ...size, measured: size,
      handles: makeHandles(ports), data: { id, step, line, ports, type },
    };
    this.cards.set(id, { step, place, line, portText, type, node });
    return node;
  }

  /** @param {Doc} document @param {string} id */
  makeNote(document, id) {
    const note = own(document.notes, id);
    const known = this.cards.get(NOTE + id);
    if (known?.note === note) return known.node;
    const [width, height] = note.size ?? [208, 112];
    const [x, y] = note.at ?? [0, 0];
    const node = { id: NOTE + id, type: "note", position: { x, y }, width, height, measured: { width, height }, handles: [], zIndex: 0, data: { id, note }, connectable: false };
    this.cards.set(NOTE + id, { note, node });
    return node;
  }

  /** @param {Doc} document @param {string} id @param {any} face */
  makeGroup(document, id, face) {
    const group = own(document.groups, id);
    const members = (group.steps ?? []).filter((/** @type {string} */ step) => own(document.steps, step));
    if (!members.length) return null;
    const box = boundBoxes(members.map((/** @type {string} */ step) => cardBox(document, step, face.ports(step))), MARGIN);
    const size = group.collapsed ? { width: CARD.width, height: CARD.header } : { width: box.width, height: box.height + HEADER };
    const place = group.collapsed ? { x: box.x + MARGIN, y: box.y + MARGIN } : { x: box.x, y: box.y - HEADER };
    const key = JSON.stringify([size, place, members]);
    const known = this.cards.get(GROUP + id);
    if (known?.group === group && known.key === key) return known.node;
    const node = {
      id: GROUP + id, type: "group_of_steps", position: place, ...size, measured: size,
      zIndex: group.collapsed ? 1 : -2, connectable: false, dragHandle: ".group-bar",
      handles: group.collapsed
        ? [{ id: "in", type: "target", position: "left", x: -6, y: 26, width: DOT, height: DOT }, { id: "out", type: "source", position: "right", x: CARD.width - 6, y: 26, width: DOT, height: DOT }]
        : [],
      data: { id, group, members, collapsed: Boolean(group.collapsed) },
    };
    this.cards.set(GROUP + id, { group, key, node });
    return node;
  }

  /** @param {Doc} document @param {Set<string>} selected */
  deriveEdges(document, selected) {
    const within = mapHiddenSteps(document);
    const made = [];
    const seen = new Set();
    for (const text of document.edges) {
      const [from, port, to] = parseEdge(text);
      if (!own(document.steps, from) || !own(document.steps, to)) continue;
      const [source, target] = [within.get(from) ?? from, within.get(to) ?? to];
      if (source === target && source !== from) continue;
      const edge = this.makeEdge(text, source, source === from ? port : "out", target, selected.has(text));
      if (!seen.has(edge.id)) made.push(edge);
      seen.add(edge.id);
    }
    return made;
  }

  /** @param {string} text @param {string} source @param {string} handle @param {string} target @param {boolean} selected */
  makeEdge(text, source, handle, target, selected) {
    const known = this.lines.get(text);
    if (known && known.source === source && known.target === target && known.selected === selected) return known;
    const whole = !source.startsWith(GROUP) && !target.startsWith(GROUP);
    const edge = {
      id: whole ? text : `${source}|${handle}|${target}`, source, target, sourceHandle: handle, targetHandle: "in",
      type: "flow", selected, reconnectable: whole, focusable: false, data: { text, port: handle, whole },
      ...(handle === "error" ? { className: "error-edge" } : {}),
    };
    this.lines.set(text, edge);
    return edge;
  }
}

/** For each step inside a collapsed group, the node that is drawn in its place. @param {Doc} document @returns {Map<string, string>} */
function mapHiddenSteps(document) {
  const hidden = new Map();
  for (const [id, group] of Object.entries(document.groups)) {
    if (group.collapsed) for (const step of group.steps ?? []) hidden.set(step, GROUP + id);
  }
  return hidden;
}

/** The new node with selection and drag of the old one, or the old one if nothing differs. @param {any} old @param {any} node */
function mergeNode(old, node) {
  if (!old) return node;
  const stays = old.dragging || (old.position.x === node.position.x && old.position.y === node.position.y);
  if (old.data === node.data && stays && old.width === node.width && old.height === node.height && old.zIndex === node.zIndex) return old;
  return { ...node, position: old.dragging ? old.position : node.position, selected: old.selected, dragging: old.dragging };
}
