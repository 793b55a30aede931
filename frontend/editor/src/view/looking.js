// @ts-check
// Looking around: what is selected, in view and in focus; walking the graph; zoom.

import { CARD, boundBoxes } from "../doc/geometry.js";
import { own } from "../doc/operations/index.js";
import { orderSteps } from "../doc/rules.js";
import { GROUP, NOTE } from "./derive.js";

export const isStep = (/** @type {string} */ id) => !id.startsWith(NOTE) && !id.startsWith(GROUP);
const MOST_ZOOM = 2;
const LEAST_ZOOM = 0.08;
const READABLE = 0.75;
const FITS_TO_EDIT = 0.6;
const FITS_TO_LOOK = 0.35;

/** @param {any} parts */
export function makeLooking({ model, flow, root, host, latest, setNodes, setChosenEdges }) {
  const listNodes = () => latest.current.nodes;
  const listChosen = () => listNodes().filter((/** @type {any} */ n) => n.selected).map((/** @type {any} */ n) => n.id);
  const listChosenSteps = () => listChosen().filter(isStep);
  const listChosenOf = (/** @type {string} */ prefix) => () => listChosen().filter((/** @type {string} */ id) => id.startsWith(prefix)).map((/** @type {string} */ id) => id.slice(prefix.length));
  const focusRoot = () => root.current?.focus({ preventScroll: true });

  /** @param {string[]} ids */
  const select = (ids) => {
    const wanted = new Set(ids);
    setChosenEdges(new Set());
    setNodes((/** @type {any[]} */ before) => before.map((node) => (Boolean(node.selected) === wanted.has(node.id) ? node : { ...node, selected: wanted.has(node.id) })));
  };

  /** The box in which a step, note or group is drawn. @param {string} id */
  const findBox = (id) => {
    if (own(model.document.layout, id)) return { x: own(model.document.layout, id)[0], y: own(model.document.layout, id)[1], width: CARD.width, height: CARD.header };
    const node = listNodes().find((/** @type {any} */ n) => n.id === id);
    return node ? { ...node.position, width: node.width, height: Math.min(node.height, CARD.header * 2) } : { x: 0, y: 0, width: CARD.width, height: CARD.header };
  };

  /** Focus the card of a step, note or group once it is drawn. @param {string} id @param {number} tries */
  const focusCard = (id, tries = 20) => {
    const card = root.current?.querySelector(`[data-node="${CSS.escape(id)}"]`);
    if (card) card.focus({ preventScroll: true });
    else if (tries) requestAnimationFrame(() => focusCard(id, tries - 1));
  };

  /** @param {string} id */
  const isInView = (id) => {
    const { x, y, width, height } = findBox(id);
    const at = flow.flowToScreenPosition({ x, y });
    const box = root.current.getBoundingClientRect();
    const zoom = flow.getZoom();
    return at.x > box.left + 8 && at.y > box.top + 8 && at.x + width * zoom < box.right - 8 && at.y + height * zoom < box.bottom - 8;
  };

  /** Move the view to a step, note or group unless it is in sight. @param {string} id @param {boolean} [centre] */
  const showPlace = (id, centre = false) => {
    if (!centre && isInView(id)) return;
    const { x, y, width, height } = findBox(id);
    flow.setCenter(x + width / 2, y + height / 2, { zoom: Math.max(flow.getZoom(), READABLE) });
  };

  /** Keep the selection in sight after the canvas has become smaller. */
  const showChosen = () => { const [id] = listChosen(); if (id) showPlace(id); };

  /** Select a step, note or group, bring it into view and focus it. @param {string} id @param {{focus?: boolean, centre?: boolean, among?: string[]}} [how] */
  const reveal = (id, { focus = true, centre = false, among = [] } = {}) => {
    if (isStep(id) && !own(model.document.steps, id)) return;
    select([...among, id]);
    showPlace(id, centre);
    if (focus) focusCard(id);
  };

  /**
   * Show the whole flow if it could be read, or else the step. To edit, the words must be readable; to
   * look, the shape is enough.
   * @param {string} id @returns {boolean} whether all of it is in sight
   */
  const openAt = (id) => {
    const places = Object.values(model.document.layout);
    const whole = boundBoxes(places.map(([x, y]) => ({ x, y, width: CARD.width, height: CARD.header * 2 })), 48);
    const box = root.current.getBoundingClientRect();
    const zoom = Math.min(1, box.width / whole.width, box.height / whole.height);
    const fits = zoom > (model.mode === "edit" ? FITS_TO_EDIT : FITS_TO_LOOK) || places.length < 3;
    const [x, y] = own(model.document.layout, id) ?? [whole.x + 48, whole.y + whole.height / 2];
    if (fits) flow.setViewport({ x: (box.width - whole.width * zoom) / 2 - whole.x * zoom, y: (box.height - whole.height * zoom) / 2 - whole.y * zoom, zoom });
    else flow.setViewport({ x: Math.min(120, box.width / 6) - x * 0.85, y: box.height / 2 - (y + CARD.header / 2) * 0.85, zoom: 0.85 });
    host.dispatchEvent(new CustomEvent("flow:ready", { bubbles: true }));
    return fits;
  };

  const findMiddle = () => {
    const box = root.current.getBoundingClientRect();
    return flow.screenToFlowPosition({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
  };

  /** The step in sight that is nearest to the middle of the view. */
  const findMiddleStep = () => {
    const { x, y } = findMiddle();
    const far = (/** @type {string} */ id) => { const box = findBox(id); return Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y); };
    return Object.keys(model.document.layout).filter(isInView).sort((a, b) => far(a) - far(b))[0] ?? null;
  };

  /** The place for a popover: beside a step, at a point, or in the middle. @param {string | null} step @param {{x: number, y: number} | null} [point] */
  const placePopover = (step, point = null) => {
    const box = root.current.getBoundingClientRect();
    const beside = step && findBox(step);
    const at = point ?? (beside ? flow.flowToScreenPosition({ x: beside.x + beside.width + 16, y: beside.y }) : { x: box.left + box.width / 2 - 150, y: box.top + 64 });
    return { left: Math.max(8, Math.min(at.x - box.left, box.width - 316)), top: Math.max(8, Math.min(at.y - box.top, box.height - 380)) };
  };

  /** The order of Tab: steps along the edges, a folded group in place of its steps, then the rest. */
  const orderNodes = () => {
    const drawn = new Map(listNodes().map((/** @type {any} */ n) => [n.id, n]));
    const folded = new Map(listNodes().filter((/** @type {any} */ n) => n.data.collapsed).flatMap((/** @type {any} */ n) => n.data.members.map((/** @type {string} */ step) => [step, n.id])));
    const steps = orderSteps(model.document).map((id) => folded.get(id) ?? id);
    return [...new Set([...steps, ...drawn.keys()])].filter((id) => drawn.has(id));
  };

  /** Go to the next card along the edges. @param {1 | -1} way @param {string | null} from @returns {boolean} false at the end */
  const walk = (way, from) => {
    const all = orderNodes();
    const next = all[from ? all.indexOf(from) + way : way > 0 ? 0 : all.length - 1];
    if (!next) return false;
    reveal(next);
    return true;
  };

  /** Go to the nearest card on one side. `add` keeps the selection. @param {string | null} from @param {[number, number]} way @param {boolean} add */
  const goToward = (from, [dx, dy], add) => {
    if (!from) return void walk(1, null);
    const here = findBox(from);
    let best = null;
    let least = Infinity;
    for (const { id } of listNodes()) {
      const there = findBox(id);
      const [ahead, aside] = [(there.x - here.x) * dx + (there.y - here.y) * dy, Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx)];
      const cost = ahead + aside * 2;
      if (id !== from && ahead > 0 && aside <= ahead * 2 && cost < least) [best, least] = [id, cost];
    }
    if (best) reveal(best, { among: add ? listChosen() : [] });
  };

  /** @param {string[]} ids */
  const fitTo = (ids) => {
    const wanted = new Set(ids);
    const boxes = listNodes().filter((/** @type {any} */ n) => !wanted.size || wanted.has(n.id)).map((/** @type {any} */ n) => ({ ...n.position, ...n.measured }));
    if (boxes.length) flow.fitBounds(boundBoxes(boxes), { padding: 0.08 });
  };

  return {
    placePopover, listChosen, listChosenGroups: listChosenOf(GROUP), listChosenNotes: listChosenOf(NOTE), listChosenSteps, fitTo, focusCard, focusRoot, isInView, findMiddle, findMiddleStep, openAt, reveal, select, showChosen, showPlace, goToward, walk,
    fit: () => fitTo([]),
    fitChosen: () => fitTo(listChosen()),
    /** @param {number} by */
    zoom: (by) => flow.zoomTo(Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, flow.getZoom() * by))),
    resetZoom: () => flow.zoomTo(1),
    pan: (/** @type {number} */ x, /** @type {number} */ y) => { const v = flow.getViewport(); flow.setViewport({ ...v, x: v.x + x, y: v.y + y }); },
  };
}
