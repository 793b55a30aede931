// @ts-check
// A long press opens the menu, as a right click does. Not every browser reports one by itself.

import { useEffect } from "react";

const LONG_MS = 500;
const SLOP_PX = 10;

/** @param {{current: HTMLElement | null}} root @param {(target: Element, at: {x: number, y: number}) => void} open */
export function useLongPress(root, open) {
  useEffect(() => {
    const stage = root.current;
    if (!stage) return undefined;
    /** @type {any} */
    let timer = null;
    const from = { x: 0, y: 0 };
    let opened = false;
    const cancelPress = () => { clearTimeout(timer); timer = null; };
    const startPress = (/** @type {PointerEvent} */ event) => {
      cancelPress();
      opened = false;
      const target = /** @type {Element} */ (event.target);
      if (event.pointerType !== "touch" || !event.isPrimary || !target.closest(".react-flow")) return;
      [from.x, from.y] = [event.clientX, event.clientY];
      timer = setTimeout(() => { timer = null; opened = true; open(target, { ...from }); }, LONG_MS);
    };
    const followPress = (/** @type {PointerEvent} */ event) => {
      if (timer && Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLOP_PX) cancelPress();
    };
    // A second finger means zooming, not pressing.
    const touch = (/** @type {TouchEvent} */ event) => { if (event.touches.length > 1) cancelPress(); };
    // The finger is lifted over the menu that has opened under it, and must not choose from it.
    const endTouch = (/** @type {TouchEvent} */ event) => {
      if (opened) event.preventDefault();
      opened = false;
    };
    const listening = new AbortController();
    const options = { signal: listening.signal, capture: true, passive: true };
    stage.addEventListener("pointerdown", startPress, options);
    stage.addEventListener("pointermove", followPress, options);
    stage.addEventListener("touchstart", touch, options);
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, cancelPress, options);
    stage.addEventListener("touchend", endTouch, { ...options, passive: false });
    return () => { cancelPress(); listening.abort(); };
  }, [root, open]);
}
