// @ts-check
// On a narrow screen the inspector is a sheet at the bottom: half as high as the page, as high as the
// page, or shut. Its handle is dragged, pressed, or moved with the arrow keys.

const NARROW = matchMedia("(width < 48rem)");
const SLOP_PX = 6;
const SHUT_BELOW = 0.25;
const TALL_ABOVE = 0.7;

/** @typedef {"shut" | "half" | "tall"} Height */

/** The height that a sheet takes when it is let go at this share of the page. @param {number} share @returns {Height} */
export const chooseHeight = (share) => (share < SHUT_BELOW ? "shut" : share > TALL_ABOVE ? "tall" : "half");

/** @param {HTMLElement} root @param {(open: boolean) => void} open */
export function makeSheet(root, open) {
  const pane = /** @type {HTMLElement} */ (root.querySelector("[data-inspector-pane]"));
  const handle = /** @type {HTMLElement} */ (root.querySelector("[data-sheet-handle]"));
  const focusCanvas = () => /** @type {HTMLElement | null} */ (root.querySelector(".flow-stage"))?.focus({ preventScroll: true });

  /** @param {Height} height */
  const setHeight = (height) => {
    pane.style.removeProperty("block-size");
    pane.toggleAttribute("data-tall", height === "tall");
    handle.setAttribute("aria-expanded", String(height === "tall"));
    if (height !== "shut") return;
    open(false);
    focusCanvas();
  };
  const isTall = () => pane.hasAttribute("data-tall");

  handle.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp") setHeight("tall");
    else if (event.key === "ArrowDown") setHeight(isTall() ? "half" : "shut");
    else return;
    event.preventDefault();
  });
  followDrag(handle, pane, (moved) => {
    if (moved) setHeight(chooseHeight(pane.offsetHeight / root.offsetHeight));
  });
  // A drag ends with a click as well.
  handle.addEventListener("click", () => { if (!handle.hasAttribute("data-dragged")) setHeight(isTall() ? "half" : "tall"); });
  // Before the canvas gets the key: while the sheet covers it, Escape shuts the sheet.
  pane.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && NARROW.matches && !event.defaultPrevented) setHeight("shut");
  });
}

/**
 * Let the pane's height follow the finger.
 * @param {HTMLElement} handle @param {HTMLElement} pane @param {(moved: boolean) => void} letGo
 */
function followDrag(handle, pane, letGo) {
  /** @type {{y: number, height: number, moved: boolean} | null} */
  let drag = null;
  handle.addEventListener("pointerdown", (event) => {
    drag = { y: event.clientY, height: pane.offsetHeight, moved: false };
    handle.removeAttribute("data-dragged");
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.moved ||= Math.abs(event.clientY - drag.y) > SLOP_PX;
    if (drag.moved) pane.style.blockSize = `${drag.height + drag.y - event.clientY}px`;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    handle.addEventListener(end, () => {
      if (!drag) return;
      handle.toggleAttribute("data-dragged", drag.moved);
      letGo(drag.moved);
      drag = null;
    });
  }
}
