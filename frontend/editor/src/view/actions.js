// @ts-check
// What can be done on the canvas, by whichever way: mouse, key, menu or the page around it.

import { useMemo } from "react";

import { fromText, toText } from "../doc/clipboard.js";
import { addStep, clip, groupSteps, insertOnEdge, openPort, paste, remove } from "../doc/edits.js";
import { CARD, around, cardHeight, snapped } from "../doc/geometry.js";
import { arrange } from "../doc/arrange.js";
import { edgeText, parseEdge } from "../doc/operations.js";
import { isCheckpoint, walkOrder } from "../doc/rules.js";
import { GROUP, NOTE } from "./derive.js";

const isStep = (/** @type {string} */ id) => !id.startsWith(NOTE) && !id.startsWith(GROUP);
const plural = (/** @type {number} */ n, /** @type {string} */ word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** @param {any} parts */
export function useActions(parts) {
  const { model, flow, options } = parts;
  return useMemo(() => makeActions(parts), [model, flow, options]); // eslint-disable-line
}

/** @param {any} parts */
function makeActions({ model, flow, root, host, latest, setNodes, setChosenEdges, setUi, options }) {
  const portsOf = model.ports;
  const chosen = () => latest.current.nodes.filter((/** @type {any} */ n) => n.selected).map((/** @type {any} */ n) => n.id);
  const chosenSteps = () => chosen().filter(isStep);
  const chosenNotes = () => chosen().filter((/** @type {string} */ id) => id.startsWith(NOTE)).map((/** @type {string} */ id) => id.slice(NOTE.length));
  const chosenGroups = () => chosen().filter((/** @type {string} */ id) => id.startsWith(GROUP)).map((/** @type {string} */ id) => id.slice(GROUP.length));
  const typeItems = () => model.types.map((/** @type {any} */ type) => ({ key: type.name, title: type.title, detail: type.summary, group: type.category, icon: type.icon, kind: isCheckpoint(type) ? "people" : undefined }));
  const stepItems = (/** @type {(id: string) => any} */ more) => walkOrder(model.document).map((id) => ({ key: id, title: model.title(id), detail: model.line(id), icon: model.type(id)?.icon ?? "box", ...more(id) }));
  const focusRoot = () => root.current?.focus({ preventScroll: true });

  /** @param {string[]} ids */
  const select = (ids) => {
    const wanted = new Set(ids);
    setChosenEdges(new Set());
    setNodes((/** @type {any[]} */ before) => before.map((node) => (Boolean(node.selected) === wanted.has(node.id) ? node : { ...node, selected: wanted.has(node.id) })));
  };

  /** The element of a step, once it is drawn. @param {string} id @param {number} tries */
  const focusCard = (id, tries = 20) => {
    const card = root.current?.querySelector(`[data-step="${CSS.escape(id)}"]`);
    if (card) card.focus({ preventScroll: true });
    else if (tries) requestAnimationFrame(() => focusCard(id, tries - 1));
  };

  /** @param {string} id */
  const inView = (id) => {
    const [x, y] = model.document.layout[id] ?? [0, 0];
    const at = flow.flowToScreenPosition({ x, y });
    const box = root.current.getBoundingClientRect();
    const zoom = flow.getZoom();
    return at.x > box.left + 8 && at.y > box.top + 8 && at.x + CARD.width * zoom < box.right - 8 && at.y + CARD.header * zoom < box.bottom - 8;
  };

  /** Select a step, bring it into view, give it the focus. @param {string} id @param {{focus?: boolean, centre?: boolean}} [how] */
  const reveal = (id, { focus = true, centre = false } = {}) => {
    if (!model.document.steps[id]) return;
    select([id]);
    if (centre || !inView(id)) {
      const [x, y] = model.document.layout[id] ?? [0, 0];
      flow.setCenter(x + CARD.width / 2, y + CARD.header / 2, { zoom: Math.max(flow.getZoom(), 0.75) });
    }
    if (focus) focusCard(id);
  };

  /** Open at a step and not at all of it: 500 steps at once could not be read. @param {string} id */
  const openAt = (id) => {
    const places = Object.values(model.document.layout);
    const whole = around(places.map(([x, y]) => ({ x, y, width: CARD.width, height: CARD.header * 2 })), 48);
    const box = root.current.getBoundingClientRect();
    const zoom = Math.min(1, box.width / whole.width, box.height / whole.height);
    const fits = zoom > (options.fitFrom ?? 0.6) || places.length < 3;
    const [x, y] = model.document.layout[id] ?? [whole.x + 48, whole.y + whole.height / 2];
    if (fits) flow.setViewport({ x: (box.width - whole.width * zoom) / 2 - whole.x * zoom, y: (box.height - whole.height * zoom) / 2 - whole.y * zoom, zoom });
    else flow.setViewport({ x: Math.min(120, box.width / 6) - x * 0.85, y: box.height / 2 - (y + CARD.header / 2) * 0.85, zoom: 0.85 });
    host.dispatchEvent(new CustomEvent("flow:ready", { bubbles: true }));
  };

  const middle = () => {
    const box = root.current.getBoundingClientRect();
    return flow.screenToFlowPosition({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
  };

  const closePopover = () => { setUi({ popover: null }); focusRoot(); };

  /** @param {any} popover */
  const openPopover = (popover) => setUi({ popover });

  /** Where a popover opens: beside a step, at a pointer, or in the middle. @param {string | null} step @param {{x: number, y: number} | null} [point] */
  const anchor = (step, point = null) => {
    const box = root.current.getBoundingClientRect();
    const [x, y] = (step && model.document.layout[step]) ?? [0, 0];
    const at = point ?? (step ? flow.flowToScreenPosition({ x: x + CARD.width + 16, y }) : { x: box.left + box.width / 2 - 150, y: box.top + 64 });
    return { left: Math.max(8, Math.min(at.x - box.left, box.width - 316)), top: Math.max(8, Math.min(at.y - box.top, box.height - 380)) };
  };

  /** @param {{id: string, op: any}} made @param {string} said */
  const added = (made, said) => {
    if (model.edit(made.op, said)) requestAnimationFrame(() => reveal(made.id));
  };

  const typeOf = (/** @type {string} */ name) => model.typeByName.get(name);

  /** @param {string} name @param {any} [where] */
  const addType = (name, where) => {
    const type = typeOf(name);
    if (!type) return;
    const [from] = chosenSteps().slice(-1);
    const joins = from && portsOf(from).length;
    const place = where ?? (joins ? { from: { step: from } } : Object.keys(model.document.steps).length ? {} : { at: [middle().x - CARD.width / 2, middle().y - CARD.header / 2] });
    added(addStep(model.document, portsOf, type, place), place.from ? `Added ${type.title} after ${model.title(place.from.step)}` : `Added ${type.title}`);
  };

  const openAdd = () => {
    if (model.mode !== "edit") return;
    const [from] = chosenSteps().slice(-1);
    openPopover({ ...anchor(from ?? null), label: "Add a step", placeholder: from ? `Add after ${model.title(from)}…` : "Add a step…", items: typeItems(), onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); addType(item.key); } });
  };

  /** @param {any} event @param {string} edge */
  const openInsert = (event, edge) => {
    event.stopPropagation();
    const [source, , target] = parseEdge(edge);
    openPopover({
      ...anchor(null, { x: event.clientX, y: event.clientY + 12 }), label: "Insert a step", placeholder: `Between ${model.title(source)} and ${model.title(target)}…`, items: typeItems(),
      onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); const type = typeOf(item.key); added(insertOnEdge(model.document, portsOf, type, edge), `Inserted ${type.title}`); },
    });
  };

  /** @param {string} source @param {string} port @param {string} target */
  const connect = (source, port, target) => {
    const why = model.refusal(source, port, target);
    if (why) return model.say(why, "bad");
    model.edit({ op: "connect", edge: edgeText(source, port, target) }, `Connected ${model.title(source)}, port ${port}, to ${model.title(target)}`);
  };

  /** @param {string} source @param {string} port */
  const openTargets = (source, port) => {
    const items = stepItems((id) => {
      const reason = model.refusal(source, port, id);
      return { reason, disabled: Boolean(reason) };
    });
    openPopover({ ...anchor(source), label: `Connect ${port} to`, placeholder: `${model.title(source)}, ${port} → …`, items, onChoose: (/** @type {any} */ item) => { closePopover(); connect(source, port, item.key); focusCard(source); } });
  };

  const openConnect = () => {
    const [source] = chosenSteps();
    if (!source) return model.say("Select a step first, then press C to connect it", "bad");
    const ports = portsOf(source);
    if (!ports.length) return model.say(model.refusal(source, "done", source) ?? "", "bad");
    const free = openPort(model.document, source, ports);
    const items = [...ports, "error"].map((port) => ({ key: port, title: port, detail: [...(model.used().get(source) ?? [])].includes(port) ? "Connected already: one more makes it go both ways" : "Not connected", icon: port === "error" ? "circle-alert" : "chevron-right" }));
    items.sort((a, b) => Number(b.key === free) - Number(a.key === free));
    openPopover({ ...anchor(source), label: "Connect from port", placeholder: `Connect ${model.title(source)} from…`, items, onChoose: (/** @type {any} */ item) => openTargets(source, item.key) });
  };

  const openFind = () => openPopover({ ...anchor(null), label: "Find a step", placeholder: "Find a step…", items: stepItems((id) => ({ detail: `${id} · ${model.line(id)}` })), onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); reveal(item.key, { centre: true }); } });

  /** Live permission while an edge is dragged. @param {any} c */
  const maySnap = (c) => isStep(c.source) && isStep(c.target) && (!model.refusal(c.source, c.sourceHandle, c.target));

  /** An edge let go: on a step that refuses it, say why; on nothing, ask what to put there. @param {any} event @param {any} state */
  const connectEnd = (event, state) => {
    if (state.isValid || !state.fromNode || state.fromHandle?.type !== "source") return;
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const under = state.toNode?.id ?? document.elementFromPoint(point.clientX, point.clientY)?.closest("[data-step]")?.getAttribute("data-step");
    const [source, port] = [state.fromNode.id, state.fromHandle.id];
    if (under && isStep(under)) return connect(source, port, under);
    const at = flow.screenToFlowPosition({ x: point.clientX, y: point.clientY });
    openPopover({
      ...anchor(null, { x: point.clientX, y: point.clientY }), label: "Add a step here", placeholder: `After ${model.title(source)}, ${port}…`, items: typeItems(),
      onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); addType(item.key, { from: { step: source, port }, at: [at.x, at.y - CARD.header / 2] }); },
    });
  };

  /** @param {string} edge @param {string} to */
  const reconnect = (edge, to) => {
    if (edge === to) return;
    const [source, port, target] = parseEdge(to);
    const why = model.refusal(source, port, target);
    if (why) model.say(why, "bad");
    else model.edit({ op: "reconnect", edge, to }, `Moved the edge to ${model.title(target)}`);
  };

  /** A drag has ended. @param {any[]} dragged @param {any} guides */
  const settle = (dragged, guides) => {
    /** @type {any} */
    const [steps, notes] = [{}, {}];
    for (const node of dragged) {
      const at = [Math.round(dragged.length === 1 && guides ? guides.x : node.position.x), Math.round(dragged.length === 1 && guides ? guides.y : node.position.y)];
      if (node.id.startsWith(NOTE)) notes[node.id.slice(NOTE.length)] = at;
      else if (node.id.startsWith(GROUP)) Object.assign(steps, groupMove(node));
      else steps[node.id] = at;
    }
    const moved = Object.keys(steps).filter((id) => String(model.document.layout[id]) !== String(steps[id]));
    const shifted = Object.keys(notes).filter((id) => String(model.document.notes[id]?.at) !== String(notes[id]));
    if (!moved.length && !shifted.length) return;
    const op = { op: "move", ...(moved.length ? { steps } : {}), ...(shifted.length ? { notes } : {}) };
    model.edit(op, moved.length + shifted.length === 1 ? `Moved ${moved[0] ? model.title(moved[0]) : "a note"}` : `Moved ${moved.length + shifted.length}`);
  };

  /** A group carries its steps. @param {any} node */
  const groupMove = (node) => {
    const { group, members, collapsed } = node.data;
    const boxes = members.map((/** @type {string} */ id) => model.document.layout[id] ?? [0, 0]);
    const left = Math.min(...boxes.map((/** @type {number[]} */ p) => p[0]));
    const top = Math.min(...boxes.map((/** @type {number[]} */ p) => p[1]));
    const shift = [snapped(node.position.x + (collapsed ? 0 : 24) - left), snapped(node.position.y + (collapsed ? 0 : 56) - top)];
    return Object.fromEntries((group.steps ?? []).filter((/** @type {string} */ id) => model.document.layout[id]).map((/** @type {string} */ id) => [id, [model.document.layout[id][0] + shift[0], model.document.layout[id][1] + shift[1]]]));
  };

  /** @param {number} dx @param {number} dy */
  const nudge = (dx, dy) => {
    const [steps, notes] = [chosenSteps(), chosenNotes()];
    if (!steps.length && !notes.length) return false;
    const shifted = (/** @type {any} */ at) => [(at?.[0] ?? 0) + dx, (at?.[1] ?? 0) + dy];
    /** @type {any} */
    const op = { op: "move" };
    if (steps.length) op.steps = Object.fromEntries(steps.map((/** @type {string} */ id) => [id, shifted(model.document.layout[id])]));
    if (notes.length) op.notes = Object.fromEntries(notes.map((/** @type {string} */ id) => [id, shifted(model.document.notes[id].at)]));
    const way = dx ? (dx > 0 ? "right" : "left") : dy > 0 ? "down" : "up";
    return model.edit(op, `Moved ${steps.length === 1 ? model.title(steps[0]) : plural(steps.length + notes.length, "item")} ${way}`, { merge: `nudge ${steps} ${notes}` });
  };

  const removeChosen = () => {
    const [steps, notes, groups, edges] = [chosenSteps(), chosenNotes(), chosenGroups(), [...latest.current.chosenEdges]];
    const made = remove(model.document, { steps, notes, groups, edges });
    if (!made) return;
    const what = [steps.length && (steps.length === 1 ? model.title(steps[0]) : plural(steps.length, "step")), edges.length && plural(edges.length, "edge"), notes.length && plural(notes.length, "note"), groups.length && plural(groups.length, "group")].filter(Boolean).join(", ");
    setChosenEdges(new Set());
    if (model.edit(made.op, `Deleted ${what}${made.bridged ? ", and joined what was around it" : ""}`)) focusRoot();
  };

  const copied = () => {
    const [steps, notes] = [chosenSteps(), chosenNotes()];
    if (!steps.length && !notes.length) return "";
    model.say(`Copied ${plural(steps.length + notes.length, "item")}`);
    return toText(clip(model.document, steps, notes));
  };

  /** @param {any} clipped @param {[number, number] | null} at @param {string} said */
  const putIn = (clipped, at, said) => {
    const made = paste(model.document, clipped, at);
    if (!made || !model.edit(made.op, `${said} ${plural(made.ids.length + made.notes.length, "item")}`)) return false;
    requestAnimationFrame(() => {
      select([...made.ids, ...made.notes.map((id) => NOTE + id)]);
      if (made.ids[0] && !inView(made.ids[0])) reveal(made.ids[0]);
      else focusRoot();
    });
    return true;
  };

  /** @param {string} text */
  const pasteText = (text) => {
    if (model.mode !== "edit") return false;
    const clipped = fromText(text);
    if (!clipped) {
      model.say("The clipboard holds no steps", "bad");
      return false;
    }
    const here = Object.keys(clipped.steps).some((id) => model.document.layout[id]);
    const centre = middle();
    return putIn(clipped, here ? null : [snapped(centre.x - CARD.width / 2), snapped(centre.y - CARD.header)], "Pasted");
  };

  const duplicate = () => {
    const [steps, notes] = [chosenSteps(), chosenNotes()];
    if (steps.length || notes.length) putIn(clip(model.document, steps, notes), null, "Duplicated");
  };

  const addNote = () => {
    const centre = middle();
    const ids = Object.keys(model.document.notes);
    let number = ids.length + 1;
    while (ids.includes(`note_${number}`)) number += 1;
    const id = `note_${number}`;
    if (!model.edit({ op: "add_note", id, note: { text: "", at: [snapped(centre.x - 104), snapped(centre.y - 56)] } }, "Added a note")) return;
    requestAnimationFrame(() => { select([NOTE + id]); setUi({ writing: id }); });
  };

  const group = () => {
    const steps = chosenSteps();
    if (!steps.length) return model.say("Select the steps to group first", "bad");
    const made = groupSteps(model.document, steps);
    model.edit(made.op, `Grouped ${plural(steps.length, "step")}`);
  };

  /** @param {string} id @param {boolean} collapsed */
  const fold = (id, collapsed) => {
    if (model.mode === "edit") model.edit({ op: "set_group", id, path: "/collapsed", value: collapsed }, `${collapsed ? "Folded" : "Unfolded"} ${model.document.groups[id].title ?? "group"}`);
  };

  /** All, or what is selected; one step stays where it is, so that nobody loses their bearings. */
  const arrangeAll = async () => {
    const steps = chosenSteps();
    model.say("Arranging…");
    try {
      const moved = await arrange(model.document, portsOf, steps.length > 1 ? steps : null, steps[0] ?? null, options.worker);
      if (!Object.keys(moved).length) return model.say("Everything is in place already");
      model.edit({ op: "move", steps: moved }, `Arranged ${plural(Object.keys(moved).length, "step")}`);
      if (steps[0] && !inView(steps[0])) reveal(steps[0]);
    } catch (error) {
      model.say(`Could not arrange the steps: ${error instanceof Error ? error.message : error}`, "bad");
    }
  };

  const fit = () => {
    const boxes = latest.current.nodes.map((/** @type {any} */ n) => ({ ...n.position, ...n.measured }));
    if (boxes.length) flow.fitBounds(around(boxes), { padding: 0.08 });
  };

  /** @param {any} event */
  const drop = (event) => {
    const name = event.dataTransfer.getData("application/x-step-type");
    if (!name) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const edge = document.elementsFromPoint(event.clientX, event.clientY).find((each) => each.closest(".react-flow__edge"))?.closest(".react-flow__edge")?.getAttribute("data-id");
    if (edge && model.document.edges.includes(edge)) {
      const type = typeOf(name);
      return added(insertOnEdge(model.document, portsOf, type, edge), `Inserted ${type.title}`);
    }
    addType(name, { at: [at.x - CARD.width / 2, at.y - CARD.header / 2] });
  };

  /** @param {string} id */
  const open = (id) => host.dispatchEvent(new CustomEvent("flow:open", { bubbles: true, detail: { step: id } }));

  /** Walk along the edges. @param {1 | -1} way @param {string | null} from @returns {boolean} false at the end */
  const walk = (way, from) => {
    const order = walkOrder(model.document).filter((id) => latest.current.nodes.some((/** @type {any} */ n) => n.id === id));
    const at = from ? order.indexOf(from) + way : way > 0 ? 0 : order.length - 1;
    if (!order[at]) return false;
    reveal(order[at]);
    return true;
  };

  return {
    addNote, addType, arrange: arrangeAll, chosen, chosenSteps, closePopover, connect, connectEnd, copied, drop, duplicate, fit, focusRoot,
    fold, group, maySnap, nudge, open, openAdd, openAt, openConnect, openFind, openInsert, paste: pasteText, reconnect, remove: removeChosen,
    reveal, select, settle, walk, cardHeight,
    selectAll: () => { select(latest.current.nodes.map((/** @type {any} */ n) => n.id)); model.say("Everything selected"); },
    /** @param {number} by */
    zoom: (by) => flow.zoomTo(Math.min(2, Math.max(0.08, flow.getZoom() * by))),
    zoomReset: () => flow.zoomTo(1),
    pan: (/** @type {number} */ x, /** @type {number} */ y) => { const v = flow.getViewport(); flow.setViewport({ ...v, x: v.x + x, y: v.y + y }); },
    undo: () => model.step("undo"),
    redo: () => model.step("redo"),
  };
}
