// @ts-check
// The canvas by keyboard. What is handled here goes no further: the page has keys of its own.

import { useMemo } from "react";

import { GRID } from "../doc/geometry.js";

/** @type {{[key: string]: [number, number]}} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN_PX = 80;

/** @param {any} parts @returns {(event: any) => void} */
export function useKeys({ model, actions, root }) {
  return useMemo(() => listener(model, actions, root), [model, actions, root]);
}

/** @param {any} model @param {any} actions @param {any} root */
function listener(model, actions, root) {
  let leaving = false;
  const both = lookingKeys(actions, () => { leaving = true; });
  const edit = model.mode === "edit" ? editingKeys(actions) : {};

  /** @param {any} event @param {string | null} card */
  const walk = (event, card) => {
    const back = event.shiftKey;
    if (leaving || event.ctrlKey || event.altKey || (!card && (back || event.target !== root.current))) {
      leaving = false;
      return;
    }
    const resumed = !card && actions.chosenSteps()[0];
    if (resumed) actions.reveal(resumed);
    else if (!actions.walk(back ? -1 : 1, card)) {
      if (!back) return;
      actions.focusRoot();
    }
    event.preventDefault();
  };

  /** @param {any} event @param {[number, number]} way */
  const arrow = (event, way) => {
    const by = GRID * (event.shiftKey ? 5 : 1);
    if (model.mode !== "edit" || !actions.nudge(way[0] * by, way[1] * by)) actions.pan(-way[0] * PAN_PX, -way[1] * PAN_PX);
  };

  return (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest(".popover, .flow-toolbar")) return;
    const card = target.closest("[data-step]")?.getAttribute("data-step") ?? null;
    if (event.key === "Tab") return walk(event, card);
    leaving = false;
    const name = named(event);
    const way = WAYS[name.replace("Shift+", "")];
    const act = way ? () => arrow(event, way) : both[name] ?? edit[name];
    if (!act || (target.closest("button") && name === "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    act(card);
  };
}

/** `Mod+Shift+z`; digits by their place on the keyboard, as Shift changes what they type. @param {any} event */
function named(event) {
  const digit = event.shiftKey && /^Digit/.test(event.code) ? event.code.slice(5) : null;
  const key = digit ?? (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const shift = event.shiftKey && (digit || /^[a-z]$/.test(key) || key.length > 1);
  return [(event.ctrlKey || event.metaKey) && "Mod", event.altKey && "Alt", shift && "Shift", key].filter(Boolean).join("+");
}

/** @param {any} actions @param {() => void} leave @returns {{[name: string]: (card: string | null) => void}} */
const lookingKeys = (actions, leave) => ({
  "Shift+f": actions.openFind,
  "Mod+f": actions.openFind,
  "Mod+a": actions.selectAll,
  "Shift+1": actions.fit,
  "Shift+0": actions.zoomReset,
  "+": () => actions.zoom(1.25),
  "=": () => actions.zoom(1.25),
  "-": () => actions.zoom(0.8),
  Enter: (card) => actions.open(card ?? actions.chosenSteps()[0] ?? ""),
  Escape: () => {
    actions.select([]);
    actions.focusRoot();
    leave();
  },
});

/** @param {any} actions @returns {{[name: string]: () => void}} */
const editingKeys = (actions) => ({
  "/": actions.openAdd,
  c: actions.openConnect,
  n: actions.addNote,
  Delete: () => actions.remove(),
  Backspace: () => actions.remove(),
  "Mod+z": actions.undo,
  "Mod+Shift+z": actions.redo,
  "Mod+y": actions.redo,
  "Mod+d": actions.duplicate,
  "Mod+g": actions.group,
  "Shift+l": actions.arrange,
});
