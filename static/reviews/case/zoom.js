// @ts-check
// How large a page is shown. No DOM.

const STEPS = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];

/**
 * The next larger or smaller zoom.
 * @param {number} zoom
 * @param {number} direction 1 or -1
 */
export function stepZoom(zoom, direction) {
  if (direction > 0) return STEPS.find((step) => step > zoom + 0.001) ?? STEPS[STEPS.length - 1];
  return STEPS.findLast((step) => step < zoom - 0.001) ?? STEPS[0];
}

/**
 * The scale at which a page fills the room, but never so large that it blurs.
 * @param {number} width of the page
 * @param {number} room
 */
export function fitWidth(width, room) {
  if (width <= 0 || room <= 0) return 1;
  return Math.min(room / width, 2);
}
