// @ts-check
// On a narrow screen the inspector is a sheet from below: half the height beside the canvas, all of
// it, or shut. Its handle is dragged, pressed, or moved by the arrow keys.

const NARROW = matchMedia("(width < 48rem)");
const SLOP_PX = 6;
const SHUT_BELOW = 0.25;
const TALL_ABOVE = 0.7;

/** @typedef {"shut" | "half" | "tall"} Height */

/** How tall a sheet becomes that was let go at so much of the whole. @param {number} share @returns {Height} */
export const heightAt = (share) => (share < SHUT_BELOW ? "shut" : share > TALL_ABOVE ? "tall" : "half");

/** @param {HTMLElement} root @param {(open: boolean) => void} open */
export function makeSheet(root, open) {
  const pane = /** @type {HTMLElement} */ (root.querySelector("[data-inspector-pane]"));
  const handle = /** @type {HTMLElement} */ (root.querySelector("[data-sheet-handle]"));
  const toCanvas = () => /** @type {HTMLElement | null} */ (root.querySelector(".flow-stage"))?.focus({ preventScroll: true });

  /** @param {Height} height */
  const set = (height) => {
    pane.style.removeProperty("block-size");
    pane.toggleAttribute("data-tall", height === "tall");
    handle.setAttribute("aria-expanded", String(height === "tall"));
    if (height !== "shut") return;
    open(false);
    toCanvas();
  };
  const tall = () => pane.hasAttribute("data-tall");

  handle.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp") set("tall");
    else if (event.key === "ArrowDown") set(tall() ? "half" : "shut");
    else return;
    event.preventDefault();
  });
  dragged(handle, pane, (moved) => {
    if (moved) set(heightAt(pane.offsetHeight / root.offsetHeight));
  });
  // A drag ends in a click as well.
  handle.addEventListener("click", () => { if (!handle.hasAttribute("data-dragged")) set(tall() ? "half" : "tall"); });
  // Before the canvas hears it: with the sheet over it, the way back comes first.
  pane.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && NARROW.matches && !event.defaultPrevented) set("shut");
  });
}

/**
 * The pane is as tall as the finger says.
 * @param {HTMLElement} handle @param {HTMLElement} pane @param {(moved: boolean) => void} letGo
 */
function dragged(handle, pane, letGo) {
  /** @type {{y: number, height: number, moved: boolean} | null} */
  let held = null;
  handle.addEventListener("pointerdown", (event) => {
    held = { y: event.clientY, height: pane.offsetHeight, moved: false };
    handle.removeAttribute("data-dragged");
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.moved ||= Math.abs(event.clientY - held.y) > SLOP_PX;
    if (held.moved) pane.style.blockSize = `${held.height + held.y - event.clientY}px`;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    handle.addEventListener(end, () => {
      if (!held) return;
      handle.toggleAttribute("data-dragged", held.moved);
      letGo(held.moved);
      held = null;
    });
  }
}
