// @ts-check
// Menus are popovers, placed at their button; the arrow keys move within.

const GAP = 8;

/**
 * Place a menu at its button, within the window.
 * @param {{ left: number, right: number, top: number, bottom: number }} button
 * @param {{ width: number, height: number }} menu
 * @param {{ width: number, height: number }} view
 */
export function placeMenu(button, menu, view) {
  const fitsBelow = button.bottom + menu.height + GAP <= view.height;
  const alignsLeft = button.left + menu.width + GAP <= view.width;
  const left = alignsLeft ? button.left : button.right - menu.width;
  const top = fitsBelow ? button.bottom : button.top - menu.height - GAP;
  return {
    left: Math.max(GAP, Math.min(left, view.width - menu.width - GAP)),
    top: Math.max(GAP, top),
  };
}

/** @param {HTMLElement} menu */
function getItems(menu) {
  return /** @type {HTMLElement[]} */ ([...menu.querySelectorAll(".menu-item:not(:disabled)")]);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const all = getItems(menu);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowDown: at + 1, ArrowUp: at < 1 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  (all.at(to) ?? all[0])?.focus();
}

export function listenForMenus() {
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = /** @type {HTMLElement} */ (event.target);
      if (!menu.matches?.(".menu[popover]")) return;
      const open = /** @type {ToggleEvent} */ (event).newState === "open";
      const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
      button?.setAttribute("aria-expanded", String(open));
      if (!open || !button) return;
      const { left, top } = placeMenu(button.getBoundingClientRect(), menu.getBoundingClientRect(), {
        width: document.documentElement.clientWidth,
        height: window.innerHeight,
      });
      menu.style.left = `${left}px`;
      menu.style.top = `${top}px`;
      menu.addEventListener("keydown", onKey);
      getItems(menu)[0]?.focus({ preventScroll: true });
    },
    true,
  );
}
