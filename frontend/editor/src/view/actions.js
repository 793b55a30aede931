// @ts-check
// The actions on the canvas, whether they come from the mouse, the keyboard, a menu or the page.

import { useMemo } from "react";

import { fromText, toText } from "../doc/clipboard.js";
import { holdsRounded } from "../doc/yaml.js";
import { addStep, clip, groupSteps, joinGroup, paste, remove, combine, ungroupSteps } from "../doc/edits.js";
import { CARD, cardBox, cardHeight, findFreePlace, snap } from "../doc/geometry.js";
import { arrange } from "../doc/arrange.js";
import { own, parseEdge } from "../doc/operations/index.js";
import { isCheckpoint, findStartSteps, orderSteps } from "../doc/rules.js";
import { GROUP, NOTE } from "./derive.js";
import { makeEdgeActions } from "./edges.js";
import { isStep, makeLooking } from "./looking.js";
import { listMenuEntries } from "./menu.js";

const NOTE_SIZE = { width: 208, height: 112 };
const countOf = (/** @type {number} */ n, /** @type {string} */ word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** @param {any} parts */
export function useActions(parts) {
  const { model, flow, options } = parts;
  return useMemo(() => makeActions(parts), [model, flow, options]);  
}

/** @param {any} parts */
function makeActions({ model, flow, root, host, latest, setNodes, setChosenEdges, setUi, options }) {
  const portsOf = model.ports;
  const looking = makeLooking({ model, flow, root, host, latest, setNodes, setChosenEdges, options });
  const { placePopover, listChosen, listChosenGroups, listChosenNotes, listChosenSteps, focusCard, focusRoot, isInView, findMiddle, findMiddleStep, reveal, select } = looking;
  const listTypeItems = () => model.types.map((/** @type {any} */ type) => ({ key: type.name, title: type.title, detail: type.summary, group: type.category, icon: type.icon, kind: isCheckpoint(type) ? "people" : undefined }));
  const listStepItems = (/** @type {(id: string) => any} */ more) => orderSteps(model.document).map((id) => ({ key: id, title: model.title(id), detail: model.line(id), icon: model.type(id)?.icon ?? "box", ...more(id) }));

  const closePopover = () => { setUi({ popover: null }); focusRoot(); };

  /** @type {any} filled below, as actions on edges and on steps need one another */
  const edges = {};

  /** @param {any} popover */
  const openPopover = (popover) => setUi({ popover });

  /** @param {{id: string, op: any}} made @param {string} label */
  const addAndReveal = (made, label) => {
    if (model.edit(made.op, label)) requestAnimationFrame(() => reveal(made.id));
  };

  const typeOf = (/** @type {string} */ name) => model.typeByName.get(name);

  /** The only edge out of `from`, into which to insert a step: a second edge would make a run go both ways. @param {string} from */
  const findOnlyEdge = (from) => {
    const going = model.document.edges.filter((/** @type {string} */ edge) => parseEdge(edge)[0] === from && parseEdge(edge)[1] !== "error");
    return portsOf(from).length === 1 && going.length === 1 ? going[0] : null;
  };

  /** @param {string} name @param {any} [where] */
  const addType = (name, where) => {
    const type = typeOf(name);
    if (!type) return;
    if (!where && edges.findChosenEdge()) return edges.insert(edges.findChosenEdge(), name);
    const [from] = listChosenSteps().slice(-1);
    const joins = from && portsOf(from).length;
    const edge = !where && joins && type.ports.length ? findOnlyEdge(from) : null;
    if (edge) return edges.insert(edge, name);
    const place = where ?? (joins ? { from: { step: from } } : Object.keys(model.document.steps).length ? {} : { at: [findMiddle().x - CARD.width / 2, findMiddle().y - CARD.header / 2] });
    addAndReveal(addStep(model.document, portsOf, type, place), place.from ? `Added ${type.title} after ${model.title(place.from.step)}` : `Added ${type.title}`);
  };

  const openAdd = () => {
    if (model.mode !== "edit") return;
    const [from] = listChosenSteps().slice(-1);
    openPopover({ ...placePopover(from ?? null), label: "Add a step", placeholder: from ? `Add after ${model.title(from)}…` : "Add a step…", items: listTypeItems(), onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); addType(item.key); } });
  };

  const openFind = () => openPopover({ ...placePopover(null), label: "Find a step", placeholder: "Find a step…", items: listStepItems((id) => ({ detail: `${id} · ${model.line(id)}` })), onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); reveal(item.key, { centre: true }); } });

  /** Move what has been dragged. @param {any[]} dragged @param {any} guides */
  const endDrag = (dragged, guides) => {
    /** @type {[string, any][]} */
    const steps = [];
    /** @type {[string, any][]} */
    const notes = [];
    for (const node of dragged) {
      const at = [Math.round(dragged.length === 1 && guides ? guides.x : node.position.x), Math.round(dragged.length === 1 && guides ? guides.y : node.position.y)];
      if (node.id.startsWith(NOTE)) notes.push([node.id.slice(NOTE.length), at]);
      else if (node.id.startsWith(GROUP)) steps.push(...Object.entries(moveGroup(node)));
      else steps.push([node.id, at]);
    }
    const moved = steps.filter(([id, at]) => String(own(model.document.layout, id)) !== String(at));
    const shifted = notes.filter(([id, at]) => String(own(model.document.notes, id)?.at) !== String(at));
    if (!moved.length && !shifted.length) return;
    const op = { op: "move", ...(moved.length ? { steps: Object.fromEntries(steps) } : {}), ...(shifted.length ? { notes: Object.fromEntries(notes) } : {}) };
    model.edit(op, moved.length + shifted.length === 1 ? `Moved ${moved[0] ? model.title(moved[0][0]) : "a note"}` : `Moved ${moved.length + shifted.length}`);
  };

  /** The new places of the steps of a group that has been dragged. @param {any} node */
  const moveGroup = (node) => {
    const { group, members, collapsed } = node.data;
    const boxes = members.map((/** @type {string} */ id) => own(model.document.layout, id) ?? [0, 0]);
    const left = Math.min(...boxes.map((/** @type {number[]} */ p) => p[0]));
    const top = Math.min(...boxes.map((/** @type {number[]} */ p) => p[1]));
    const shift = [snap(node.position.x + (collapsed ? 0 : 24) - left), snap(node.position.y + (collapsed ? 0 : 56) - top)];
    return Object.fromEntries((group.steps ?? []).filter((/** @type {string} */ id) => own(model.document.layout, id)).map((/** @type {string} */ id) => [id, [own(model.document.layout, id)[0] + shift[0], own(model.document.layout, id)[1] + shift[1]]]));
  };

  /** The selected steps, and those of selected groups. */
  const listCarriedSteps = () => [...new Set([...listChosenSteps(), ...listChosenGroups().flatMap((/** @type {string} */ id) => own(model.document.groups, id)?.steps ?? [])])];

  /** @param {number} dx @param {number} dy */
  const nudge = (dx, dy) => {
    const [steps, notes] = [listCarriedSteps(), listChosenNotes()];
    if (!steps.length && !notes.length) return false;
    const shiftPoint = (/** @type {any} */ at) => [(at?.[0] ?? 0) + dx, (at?.[1] ?? 0) + dy];
    /** @type {any} */
    const op = { op: "move" };
    if (steps.length) op.steps = Object.fromEntries(steps.map((/** @type {string} */ id) => [id, shiftPoint(own(model.document.layout, id))]));
    if (notes.length) op.notes = Object.fromEntries(notes.map((/** @type {string} */ id) => [id, shiftPoint(own(model.document.notes, id).at)]));
    const way = dx ? (dx > 0 ? "right" : "left") : dy > 0 ? "down" : "up";
    return model.edit(op, `Moved ${steps.length === 1 ? model.title(steps[0]) : countOf(steps.length + notes.length, "item")} ${way}`, { merge: `nudge ${steps} ${notes}` });
  };

  /** @param {{join?: boolean}} [how] whether to close the gaps */
  const removeChosen = ({ join = true } = {}) => {
    const [steps, notes, groups, chosenEdges] = [listChosenSteps(), listChosenNotes(), listChosenGroups(), [...latest.current.chosenEdges]];
    const made = remove(model.document, { steps, notes, groups, edges: chosenEdges, join });
    if (!made) return;
    const what = [steps.length && (steps.length === 1 ? model.title(steps[0]) : countOf(steps.length, "step")), chosenEdges.length && countOf(chosenEdges.length, "edge"), notes.length && countOf(notes.length, "note"), groups.length && countOf(groups.length, "group")].filter(Boolean).join(", ");
    setChosenEdges(new Set());
    if (model.edit(made.op, `Deleted ${what}${made.bridged ? ", and joined what was around it" : ""}`)) focusRoot();
  };

  const copySelection = () => {
    const [steps, notes] = [listCarriedSteps(), listChosenNotes()];
    if (!steps.length && !notes.length) return "";
    const clipped = clipExactly(steps, notes);
    if (!clipped) return "";
    model.say(`Copied ${countOf(steps.length + notes.length, "item")}`);
    return toText(clipped);
  };

  /**
   * The steps and notes to copy, or null, with the reason said, where the copy would be rounded.
   * @param {string[]} steps @param {string[]} notes
   */
  const clipExactly = (steps, notes) => {
    const clipped = clip(model.document, steps, notes);
    if (!holdsRounded(clipped)) return clipped;
    model.say("It holds a number that a browser would round: copy it in the flow's text", "bad");
    return null;
  };

  /** @param {any} clipped @param {[number, number] | null} at @param {string} label */
  const pasteClip = (clipped, at, label) => {
    const made = paste(model.document, clipped, at);
    if (!made || !model.edit(made.op, `${label} ${countOf(made.ids.length + made.notes.length, "item")}`)) return false;
    requestAnimationFrame(() => {
      select([...made.ids, ...made.notes.map((id) => NOTE + id)]);
      if (made.ids[0] && !isInView(made.ids[0])) reveal(made.ids[0]);
      else focusRoot();
    });
    return true;
  };

  /** @param {string} text */
  const pasteText = (text) => {
    if (model.mode !== "edit") return false;
    let clipped;
    try {
      clipped = fromText(text);
    } catch (error) {
      model.say(`${/** @type {Error} */ (error).message}: paste it into the flow's text`, "bad");
      return false;
    }
    if (!clipped) {
      model.say("The clipboard contains no steps", "bad");
      return false;
    }
    const here = Object.keys(clipped.steps).some((id) => own(model.document.layout, id));
    const centre = findMiddle();
    return pasteClip(clipped, here ? null : [snap(centre.x - CARD.width / 2), snap(centre.y - CARD.header)], "Pasted");
  };

  const duplicate = () => {
    const [steps, notes] = [listCarriedSteps(), listChosenNotes()];
    if (!steps.length && !notes.length) return;
    const clipped = clipExactly(steps, notes);
    if (clipped) pasteClip(clipped, null, "Duplicated");
  };

  const addNote = () => {
    const centre = findMiddle();
    const ids = Object.keys(model.document.notes);
    let number = ids.length + 1;
    while (ids.includes(`note_${number}`)) number += 1;
    const id = `note_${number}`;
    // Below the cards in the middle and not behind them, as cards are drawn over notes.
    const wish = { x: centre.x - NOTE_SIZE.width / 2, y: centre.y - NOTE_SIZE.height / 2, ...NOTE_SIZE };
    const boxes = Object.keys(model.document.layout).map((/** @type {string} */ step) => cardBox(model.document, step, portsOf(step)));
    if (!model.edit({ op: "add_note", id, note: { text: "", at: findFreePlace(wish, boxes) } }, "Added a note")) return;
    requestAnimationFrame(() => { select([NOTE + id]); setUi({ writing: NOTE + id }); });
  };

  /** Group the selected steps, or put them into the group that is selected with them. */
  const group = () => {
    const [steps, [into]] = [listChosenSteps(), listChosenGroups()];
    if (!steps.length) return model.say("Select the steps to group first", "bad");
    if (into) return model.edit(joinGroup(model.document, into, steps), `Put ${countOf(steps.length, "step")} into ${own(model.document.groups, into).title ?? "the group"}`);
    const made = groupSteps(model.document, steps);
    if (model.edit(made.op, `Grouped ${countOf(steps.length, "step")}`)) requestAnimationFrame(() => setUi({ writing: GROUP + made.id }));
  };

  /** Remove the selected groups, and take the selected steps out of theirs. */
  const ungroup = () => {
    const op = ungroupSteps(model.document, listChosenGroups(), listChosenSteps());
    if (!op) return model.say("Nothing in the selection is in a group", "bad");
    if (model.edit(op, "Ungrouped")) focusRoot();
  };

  /** @param {string} path @param {any} value @param {string} label */
  const setNotes = (path, value, label) => {
    const ids = listChosenNotes();
    if (ids.length) model.edit(combine(label, ids.map((/** @type {string} */ id) => ({ op: "set_note", id, path, value }))), label);
  };

  /** @param {number} by */
  const resizeNote = (by) => {
    const [id] = listChosenNotes();
    const [width, height] = own(model.document.notes, id)?.size ?? [208, 112];
    setNotes("/size", [Math.max(96, Math.round(width * by)), Math.max(64, Math.round(height * by))], by > 1 ? "Note made larger" : "Note made smaller");
  };

  /** @param {string} id @param {boolean} collapsed */
  const fold = (id, collapsed) => {
    if (model.mode === "edit") model.edit({ op: "set_group", id, path: "/collapsed", value: collapsed }, `${collapsed ? "Folded" : "Unfolded"} ${own(model.document.groups, id).title ?? "group"}`);
  };

  /** Arrange the selection, or everything. A step in sight stays where it is, for orientation. */
  const arrangeSteps = async () => {
    const steps = listCarriedSteps();
    const start = findStartSteps(model.document)[0];
    const anchor = steps[0] ?? (start && isInView(start) ? start : findMiddleStep());
    model.say("Arranging…");
    try {
      const moved = await arrange(model.document, portsOf, steps.length > 1 ? steps : null, anchor, options.worker);
      if (!Object.keys(moved).length) return model.say("Everything is in place already");
      model.edit({ op: "move", steps: moved }, `Arranged ${countOf(Object.keys(moved).length, "step")}`);
      if (steps[0] && !isInView(steps[0])) reveal(steps[0]);
    } catch (error) {
      model.say(`Could not arrange the steps: ${error instanceof Error ? error.message : error}`, "bad");
    }
  };

  /** @param {any} event */
  const drop = (event) => {
    const name = event.dataTransfer.getData("application/x-step-type");
    if (!name) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const edge = document.elementsFromPoint(event.clientX, event.clientY).find((each) => each.closest(".react-flow__edge"))?.closest(".react-flow__edge")?.getAttribute("data-id");
    if (edge && model.document.edges.includes(edge)) {
      return edges.insert(edge, name);
    }
    addType(name, { at: [at.x - CARD.width / 2, at.y - CARD.header / 2] });
  };

  /** @param {string} id */
  const open = (id) => host.dispatchEvent(new CustomEvent("flow:open", { bubbles: true, detail: { step: id } }));

  const publish = () => host.dispatchEvent(new CustomEvent("flow:publish", { bubbles: true }));

  /** @param {string} id @param {(change: any) => void} write */
  const rename = (id, write) => {
    if (isStep(id)) open(id);
    else write({ writing: id });
  };

  /** Copy from the menu. The browser may ask for permission, unlike for its own key. */
  const copy = async () => {
    const text = copySelection();
    if (text) await navigator.clipboard.writeText(text).catch(() => model.say("The browser does not allow it: press Ctrl C", "bad"));
  };
  const pasteFromClipboard = async () => {
    const text = await navigator.clipboard.readText().catch(() => null);
    if (text === null) model.say("The browser does not allow it: press Ctrl V", "bad");
    else pasteText(text);
  };

  /** @param {{x: number, y: number} | null} [point] */
  const openMenu = (point = null) => {
    const ui = latest.current.ui;
    const step = listChosen()[0] ?? (edges.findChosenEdge() ? parseEdge(edges.findChosenEdge())[0] : null);
    openPopover({
      ...placePopover(point ? null : step, point), label: "What to do", placeholder: "What to do…", look: "menu", items: listMenuEntries({ model, actions: all, ui, setUi, options }),
      onChoose: (/** @type {any} */ item) => { closePopover(); item.act(); },
    });
  };

  Object.assign(edges, makeEdgeActions({
    model, flow, setUi, setChosenEdges, select, listChosenSteps, latest, placePopover, openPopover, closePopover, listTypeItems, listStepItems, addAndReveal, addType, focusCard, focusRoot, isStep, showPlace: looking.showPlace,
  }));

  const all = {
    ...looking, ...edges,
    addNote, addType, arrange: arrangeSteps, closePopover, copySelection, drop, duplicate, fold, group, nudge, open, openAdd, openFind, openPopover, paste: pasteText, remove: removeChosen, resizeNote, setNotes, endDrag, ungroup, listCarriedSteps, cardHeight, copy, openMenu, pasteFromClipboard, publish, rename,
    selectAll: () => { select(latest.current.nodes.map((/** @type {any} */ n) => n.id)); model.say("Everything selected"); },
    undo: () => model.stepHistory("undo"),
    redo: () => model.stepHistory("redo"),
  };
  return all;
}
