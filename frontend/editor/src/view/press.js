// @ts-check
// A long press opens the menu, as a right click does. Not every browser tells it by itself.

import { useEffect } from "react";

const LONG_MS = 500;
const SLOP_PX = 10;

/** @param {{current: HTMLElement | null}} root @param {(target: Element, at: {x: number, y: number}) => void} act */
export function useLongPress(root, act) {
  useEffect(() => {
    const stage = root.current;
    if (!stage) return undefined;
    /** @type {any} */
    let timer = null;
    const from = { x: 0, y: 0 };
    let opened = false;
    const forget = () => { clearTimeout(timer); timer = null; };
    const down = (/** @type {PointerEvent} */ event) => {
      forget();
      opened = false;
      const target = /** @type {Element} */ (event.target);
      if (event.pointerType !== "touch" || !event.isPrimary || !target.closest(".react-flow")) return;
      [from.x, from.y] = [event.clientX, event.clientY];
      timer = setTimeout(() => { timer = null; opened = true; act(target, { ...from }); }, LONG_MS);
    };
    const move = (/** @type {PointerEvent} */ event) => {
      if (timer && Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLOP_PX) forget();
    };
    // A second finger means to zoom, not to press.
    const more = (/** @type {TouchEvent} */ event) => { if (event.touches.length > 1) forget(); };
    // The finger is lifted over the menu that has come up under it: that chooses nothing there.
    const lifted = (/** @type {TouchEvent} */ event) => {
      if (opened) event.preventDefault();
      opened = false;
    };
    const listening = new AbortController();
    const options = { signal: listening.signal, capture: true, passive: true };
    stage.addEventListener("pointerdown", down, options);
    stage.addEventListener("pointermove", move, options);
    stage.addEventListener("touchstart", more, options);
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, forget, options);
    stage.addEventListener("touchend", lifted, { ...options, passive: false });
    return () => { forget(); listening.abort(); };
  }, [root, act]);
}
