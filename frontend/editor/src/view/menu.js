// @ts-check
// Everything that can be done with what is selected, by name: the menu of a right click, of the
// key `.`, of "More". So that nothing on the canvas needs a mouse, or a key that one has to know.

import { parseEdge } from "../doc/operations/index.js";
import { savePicture } from "./picture.js";

/** @typedef {{key: string, title: string, icon: string, keys?: string, group?: string, act: () => void}} Entry */

/** @param {any} canvas @returns {Entry[]} */
export function menuOf({ model, actions, ui, setUi, options }) {
  const edit = model.mode === "edit";
  const edge = actions.chosenEdge();
  return [
    ...(edit && edge ? edgeEntries(model, actions, edge) : []),
    ...(edit ? chosenEntries(model, actions, setUi) : []),
    ...(edit ? canvasEntries(actions) : []),
    ...viewEntries(model, actions, ui, setUi, options),
  ];
}

/** @param {string} group @returns {(title: string, icon: string, act: () => void, keys?: string) => Entry} */
const entry = (group) => (title, icon, act, keys) => ({ key: `${group} ${title}`, title, icon, act, keys, group });

/** @param {any} model @param {any} actions @param {string} edge */
function edgeEntries(model, actions, edge) {
  const [source, port, target] = parseEdge(edge);
  const one = entry(`${model.title(source)}, ${port} → ${model.title(target)}`);
  return [
    one("Insert a step", "plus", () => actions.openInsert(edge, actions.anchor(source))),
    one("Lead it to another step", "arrow-right", () => actions.openMoveEnd(edge, "target")),
    one("Let it begin at another step", "arrow-left", () => actions.openMoveEnd(edge, "source")),
    one("Delete the edge", "trash-2", () => actions.remove(), "Delete"),
  ];
}

/** @param {any} model @param {any} actions @param {any} setUi */
function chosenEntries(model, actions, setUi) {
  const [steps, notes, groups] = [actions.chosenSteps(), actions.chosenNotes(), actions.chosenGroups()];
  const count = steps.length + notes.length + groups.length;
  if (!count) return [];
  const name = count > 1 ? `${count} selected` : steps[0] ? model.title(steps[0]) : notes[0] ? "Note" : model.document.groups[groups[0]]?.title ?? "Group";
  const one = entry(name);
  const single = count === 1;
  const grouped = steps.some((/** @type {string} */ id) => Object.values(model.document.groups).some((/** @type {any} */ g) => g.steps?.includes(id)));
  return [
    ...(single && steps[0] ? [one("Settings", "sliders-horizontal", () => actions.open(steps[0]), "Enter"), one("Add a step after it", "plus", actions.openAdd, "/"), one("Connect it", "git-branch", actions.openConnect, "C"), one("Its edges…", "route", () => actions.openEdges(() => actions.openMenu()), "E")] : []),
    ...(single && notes[0] ? noteEntries(one, actions, setUi, notes[0]) : []),
    ...(single && groups[0] ? groupEntries(one, model, actions, setUi, groups[0]) : []),
    one("Duplicate", "copy", actions.duplicate, "Ctrl D"),
    one("Copy as text", "clipboard", actions.copy, "Ctrl C"),
    ...(steps.length ? [one(groups.length ? "Put into the group" : "Group", "boxes", actions.group, "Ctrl G")] : []),
    ...(grouped || groups.length ? [one(groups.length ? "Ungroup" : "Take out of the group", "box", actions.ungroup, "Ctrl Shift G")] : []),
    ...(actions.carried().length > 1 ? [one("Arrange these", "network", actions.arrange, "Shift L")] : []),
    one("Zoom to it", "scan-search", actions.fitChosen, "Shift 2"),
    one("Delete", "trash-2", () => actions.remove(), "Delete"),
    ...(steps.length ? [one("Delete, and leave a gap", "unplug", () => actions.remove({ join: false }), "Shift Delete")] : []),
  ];
}

const COLOURS = ["yellow", "blue", "green", "red"];

/** @param {ReturnType<typeof entry>} one @param {any} actions @param {any} setUi @param {string} id */
const noteEntries = (one, actions, setUi, id) => [
  one("Write", "pencil", () => setUi({ writing: `note ${id}` }), "Enter"),
  ...COLOURS.map((colour) => one(`Colour it ${colour}`, "palette", () => actions.setNotes("/colour", colour, `Note is ${colour} now`))),
  one("Make it larger", "maximize-2", () => actions.resizeNote(1.25)),
  one("Make it smaller", "minimize-2", () => actions.resizeNote(0.8)),
];

/** @param {ReturnType<typeof entry>} one @param {any} model @param {any} actions @param {any} setUi @param {string} id */
const groupEntries = (one, model, actions, setUi, id) => {
  const folded = Boolean(model.document.groups[id]?.collapsed);
  return [
    one(folded ? "Unfold" : "Fold", folded ? "chevron-right" : "chevron-down", () => actions.fold(id, !folded), "Enter"),
    one("Rename", "pencil", () => actions.rename(`group ${id}`, setUi), "F2"),
  ];
};

/** @param {any} actions */
function canvasEntries(actions) {
  const one = entry("Canvas");
  return [
    one("Add a step", "plus", actions.openAdd, "/"),
    one("Add a note", "sticky-note", actions.addNote, "N"),
    one("Paste", "clipboard-check", actions.pasteFromClipboard, "Ctrl V"),
    one("All edges…", "route", () => { actions.select([]); actions.openEdges(() => actions.openMenu()); }, "E"),
    one("Arrange everything", "network", () => { actions.select([]); requestAnimationFrame(actions.arrange); }, "Shift L"),
    one("Publish", "rocket", actions.publish, "Shift P"),
    one("Undo", "undo-2", actions.undo, "Ctrl Z"),
    one("Do again", "redo-2", actions.redo, "Ctrl Shift Z"),
  ];
}

/** @param {any} model @param {any} actions @param {any} ui @param {any} setUi @param {any} options */
function viewEntries(model, actions, ui, setUi, options) {
  const one = entry("View");
  return [
    one("Select everything", "square-check", actions.selectAll, "Ctrl A"),
    one("Find a step", "search", actions.openFind, "Shift F"),
    one("Fit everything", "scan-search", actions.fit, "Shift 1"),
    one("Zoom to 100 %", "zoom-in", actions.zoomReset, "Shift 0"),
    one(ui.map ? "Hide the map" : "Show the map", "map", () => setUi({ map: !ui.map })),
    ...(model.mode === "edit" ? [one(ui.hand ? "Drag selects" : "Drag moves the canvas", ui.hand ? "mouse-pointer-2" : "hand", () => setUi({ hand: !ui.hand }))] : []),
    one("Full screen", "fullscreen", () => options.fullscreen()),
    one("Save a picture, SVG", "download", () => savePicture(model, "svg")),
    one("Save a picture, PNG", "image", () => savePicture(model, "png")),
  ];
}
