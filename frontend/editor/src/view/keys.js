// @ts-check
// The canvas by keyboard. A key that is handled here is not passed on, as the page has keys too.

import { useMemo } from "react";

import { GRID } from "../doc/geometry.js";
import { own } from "../doc/operations/index.js";
import { GROUP, NOTE } from "./derive.js";

/** @type {{[key: string]: [number, number]}} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN_PX = 80;

/** @param {any} parts @returns {(event: any) => void} */
export function useKeys({ model, actions, root, setUi }) {
  return useMemo(() => makeListener(model, actions, root, setUi), [model, actions, root, setUi]);
}

/** @param {any} model @param {any} actions @param {any} root @param {any} setUi */
function makeListener(model, actions, root, setUi) {
  let leaving = false;
  const both = makeLookingKeys(model, actions, setUi, () => { leaving = true; });
  const edit = model.mode === "edit" ? makeEditingKeys(actions, setUi) : {};

  /** @param {any} event @param {string | null} card */
  const walk = (event, card) => {
    const back = event.shiftKey;
    if (leaving || event.ctrlKey || event.altKey || (!card && (back || event.target !== root.current))) {
      leaving = false;
      return;
    }
    const resumed = !card && actions.listChosen()[0];
    if (resumed) actions.reveal(resumed);
    else if (!actions.walk(back ? -1 : 1, card)) {
      if (!back) return;
      actions.focusRoot();
    }
    event.preventDefault();
  };

  /** @param {any} event @param {[number, number]} way @param {string | null} card */
  const arrow = (event, way, card) => {
    if (event.altKey) return actions.goToward(card ?? actions.listChosen().at(-1) ?? null, way, event.shiftKey);
    const by = GRID * (event.shiftKey ? 5 : 1);
    if (model.mode !== "edit" || !actions.nudge(way[0] * by, way[1] * by)) actions.pan(-way[0] * PAN_PX, -way[1] * PAN_PX);
  };

  return (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest(".popover, .flow-toolbar")) return;
    const card = target.closest("[data-node]")?.getAttribute("data-node") ?? null;
    if (event.key === "Tab") return walk(event, card);
    leaving = false;
    const name = nameKey(event);
    const way = WAYS[event.key];
    const act = way && !event.ctrlKey && !event.metaKey ? () => arrow(event, way, card) : both[name] ?? edit[name];
    if (!act || (target.closest("button") && name === "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    act(card);
  };
}

/** The name of a key, such as `Mod+Shift+z`. Digits go by their place, as Shift changes what they type. @param {any} event */
function nameKey(event) {
  const digit = event.shiftKey && /^Digit/.test(event.code) ? event.code.slice(5) : null;
  const key = digit ?? (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const shift = event.shiftKey && (digit || /^[a-z]$/.test(key) || key.length > 1);
  return [(event.ctrlKey || event.metaKey) && "Mod", event.altKey && "Alt", shift && "Shift", key].filter(Boolean).join("+");
}

/** @param {any} model @param {any} actions @param {any} setUi @param {() => void} leave @returns {{[name: string]: (card: string | null) => void}} */
const makeLookingKeys = (model, actions, setUi, leave) => ({
  "Shift+f": actions.openFind,
  "Mod+f": actions.openFind,
  "Mod+a": actions.selectAll,
  "Shift+1": actions.fit,
  "Shift+2": actions.fitChosen,
  "Shift+0": actions.resetZoom,
  "+": () => actions.zoom(1.25),
  "=": () => actions.zoom(1.25),
  "-": () => actions.zoom(0.8),
  ".": () => actions.openMenu(),
  ContextMenu: () => actions.openMenu(),
  "Shift+F10": () => actions.openMenu(),
  Enter: (card) => openNode(card ?? actions.listChosen()[0] ?? "", model, actions, setUi),
  Escape: () => {
    actions.select([]);
    actions.focusRoot();
    leave();
  },
});

/** Open a step, write into a note, or fold a group. @param {string} id @param {any} model @param {any} actions @param {any} setUi */
function openNode(id, model, actions, setUi) {
  if (id.startsWith(GROUP)) actions.fold(id.slice(GROUP.length), !own(model.document.groups, id.slice(GROUP.length))?.collapsed);
  else if (id.startsWith(NOTE)) { if (model.mode === "edit") setUi({ writing: id }); }
  else if (id) actions.open(id);
  else actions.openMenu();
}

/** @param {any} actions @param {any} setUi @returns {{[name: string]: (card: string | null) => void}} */
const makeEditingKeys = (actions, setUi) => ({
  "/": actions.openAdd,
  c: actions.openConnect,
  e: () => actions.openEdges(() => actions.openMenu()),
  n: actions.addNote,
  F2: (card) => { const id = card ?? actions.listChosen()[0]; if (id) actions.rename(id, setUi); },
  Delete: () => actions.remove(),
  Backspace: () => actions.remove(),
  "Shift+Delete": () => actions.remove({ join: false }),
  "Mod+z": actions.undo,
  "Mod+Shift+z": actions.redo,
  "Mod+y": actions.redo,
  "Mod+d": actions.duplicate,
  "Mod+g": actions.group,
  "Mod+Shift+g": actions.ungroup,
  "Shift+l": actions.arrange,
  "Shift+p": actions.publish,
});
