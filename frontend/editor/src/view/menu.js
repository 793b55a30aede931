// @ts-check
// Every action on the selection and the canvas, by name: the menu of a right click, of the key `.` and
// of "More". Thus nothing on the canvas needs a mouse, or a key that one has to know.

import { own, parseEdge } from "../doc/operations/index.js";
import { savePicture } from "./picture.js";

/** @typedef {{key: string, title: string, icon: string, keys?: string, group?: string, act: () => void}} Entry */

/** @param {any} canvas @returns {Entry[]} */
export function listMenuEntries({ model, actions, ui, setUi, options }) {
  const edit = model.mode === "edit";
  const edge = actions.findChosenEdge();
  return [
    ...(edit && edge ? listEdgeEntries(model, actions, edge) : []),
    ...(edit ? listSelectionEntries(model, actions, setUi) : []),
    ...(edit ? listCanvasEntries(actions) : []),
    ...listViewEntries(model, actions, ui, setUi, options),
  ];
}

/** A function that makes entries of a group. @param {string} group @returns {(title: string, icon: string, act: () => void, keys?: string) => Entry} */
const makeEntries = (group) => (title, icon, act, keys) => ({ key: `${group} ${title}`, title, icon, act, keys, group });

/** @param {any} model @param {any} actions @param {string} edge */
function listEdgeEntries(model, actions, edge) {
  const [source, port, target] = parseEdge(edge);
  const add = makeEntries(`${model.title(source)}, ${port} → ${model.title(target)}`);
  return [
    add("Insert a step", "plus", () => actions.openInsert(edge, actions.placePopover(source))),
    add("Lead it to another step", "arrow-right", () => actions.openMoveEnd(edge, "target")),
    add("Let it begin at another step", "arrow-left", () => actions.openMoveEnd(edge, "source")),
    add("Delete the edge", "trash-2", () => actions.remove(), "Delete"),
  ];
}

/** @param {any} model @param {any} actions @param {any} setUi */
function listSelectionEntries(model, actions, setUi) {
  const [steps, notes, groups] = [actions.listChosenSteps(), actions.listChosenNotes(), actions.listChosenGroups()];
  const count = steps.length + notes.length + groups.length;
  if (!count) return [];
  const name = count > 1 ? `${count} selected` : steps[0] ? model.title(steps[0]) : notes[0] ? "Note" : own(model.document.groups, groups[0])?.title ?? "Group";
  const add = makeEntries(name);
  const single = count === 1;
  const grouped = steps.some((/** @type {string} */ id) => Object.values(model.document.groups).some((/** @type {any} */ g) => g.steps?.includes(id)));
  return [
    ...(single && steps[0] ? [add("Settings", "sliders-horizontal", () => actions.open(steps[0]), "Enter"), add("Add a step after it", "plus", actions.openAdd, "/"), add("Connect it", "git-branch", actions.openConnect, "C"), add("Its edges…", "route", () => actions.openEdges(() => actions.openMenu()), "E")] : []),
    ...(single && notes[0] ? listNoteEntries(add, actions, setUi, notes[0]) : []),
    ...(single && groups[0] ? listGroupEntries(add, model, actions, setUi, groups[0]) : []),
    add("Duplicate", "copy", actions.duplicate, "Ctrl D"),
    add("Copy as text", "clipboard", actions.copy, "Ctrl C"),
    ...(steps.length ? [add(groups.length ? "Put into the group" : "Group", "boxes", actions.group, "Ctrl G")] : []),
    ...(grouped || groups.length ? [add(groups.length ? "Ungroup" : "Take out of the group", "box", actions.ungroup, "Ctrl Shift G")] : []),
    ...(actions.listCarriedSteps().length > 1 ? [add("Arrange these", "network", actions.arrange, "Shift L")] : []),
    add("Zoom to it", "scan-search", actions.fitChosen, "Shift 2"),
    add("Delete", "trash-2", () => actions.remove(), "Delete"),
    ...(steps.length ? [add("Delete, and leave a gap", "unplug", () => actions.remove({ join: false }), "Shift Delete")] : []),
  ];
}

const COLOURS = ["yellow", "blue", "green", "red"];

/** @param {ReturnType<typeof makeEntries>} add @param {any} actions @param {any} setUi @param {string} id */
const listNoteEntries = (add, actions, setUi, id) => [
  add("Write", "pencil", () => setUi({ writing: `note ${id}` }), "Enter"),
  ...COLOURS.map((colour) => add(`Colour it ${colour}`, "palette", () => actions.setNotes("/colour", colour, `Note is ${colour} now`))),
  add("Make it larger", "maximize-2", () => actions.resizeNote(1.25)),
  add("Make it smaller", "minimize-2", () => actions.resizeNote(0.8)),
];

/** @param {ReturnType<typeof makeEntries>} add @param {any} model @param {any} actions @param {any} setUi @param {string} id */
const listGroupEntries = (add, model, actions, setUi, id) => {
  const folded = Boolean(own(model.document.groups, id)?.collapsed);
  return [
    add(folded ? "Unfold" : "Fold", folded ? "chevron-right" : "chevron-down", () => actions.fold(id, !folded), "Enter"),
    add("Rename", "pencil", () => actions.rename(`group ${id}`, setUi), "F2"),
  ];
};

/** @param {any} actions */
function listCanvasEntries(actions) {
  const add = makeEntries("Canvas");
  return [
    add("Add a step", "plus", actions.openAdd, "/"),
    add("Add a note", "sticky-note", actions.addNote, "N"),
    add("Paste", "clipboard-check", actions.pasteFromClipboard, "Ctrl V"),
    add("All edges…", "route", () => { actions.select([]); actions.openEdges(() => actions.openMenu()); }, "E"),
    add("Arrange everything", "network", () => { actions.select([]); requestAnimationFrame(actions.arrange); }, "Shift L"),
    add("Publish", "rocket", actions.publish, "Shift P"),
    add("Undo", "undo-2", actions.undo, "Ctrl Z"),
    add("Do again", "redo-2", actions.redo, "Ctrl Shift Z"),
  ];
}

/** @param {any} model @param {any} actions @param {any} ui @param {any} setUi @param {any} options */
function listViewEntries(model, actions, ui, setUi, options) {
  const add = makeEntries("View");
  return [
    add("Select everything", "square-check", actions.selectAll, "Ctrl A"),
    add("Find a step", "search", actions.openFind, "Shift F"),
    add("Fit everything", "scan-search", actions.fit, "Shift 1"),
    add("Zoom to 100 %", "zoom-in", actions.resetZoom, "Shift 0"),
    add(ui.map ? "Hide the map" : "Show the map", "map", () => setUi({ map: !ui.map })),
    ...(model.mode === "edit" ? [add(ui.hand ? "Drag selects" : "Drag moves the canvas", ui.hand ? "mouse-pointer-2" : "hand", () => setUi({ hand: !ui.hand }))] : []),
    add("Full screen", "fullscreen", () => options.fullscreen()),
    add("Save a picture, SVG", "download", () => savePicture(model, "svg")),
    add("Save a picture, PNG", "image", () => savePicture(model, "png")),
  ];
}
