// @ts-check
// Search and commands: an ARIA combobox over results that the server renders.

/**
 * Find the option that a key leads to, wrapping around at the ends.
 * @param {string} key
 * @param {number} at -1 for none
 * @param {number} count
 * @returns {number | null} null: the key does not choose
 */
export function findNextOption(key, at, count) {
  if (!count) return null;
  switch (key) {
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowUp":
      return (at <= 0 ? count : at) - 1;
    case "PageDown":
      return count - 1;
    case "PageUp":
      return 0;
    default:
      return null;
  }
}

class Palette {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.input = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
    this.list = /** @type {HTMLElement} */ (dialog.querySelector("[role=listbox]"));
    this.count = dialog.querySelector("[data-palette-count]");
    this.at = -1;
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    // Results come through htmx; choose the first one as soon as they arrive.
    new MutationObserver(() => this.onResults()).observe(this.list, { childList: true });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  get options() {
    return /** @type {HTMLAnchorElement[]} */ ([...this.list.querySelectorAll("a[role=option]")]);
  }

  open() {
    if (this.dialog.open) return;
    for (const popover of document.querySelectorAll("[popover]:popover-open")) {
      /** @type {HTMLElement} */ (popover).hidePopover();
    }
    this.dialog.showModal();
    this.input.select();
    this.input.dispatchEvent(new CustomEvent("palette:open", { bubbles: true }));
  }

  onResults() {
    this.choose(this.options.length ? 0 : -1);
    const found = this.options.length;
    if (this.count) this.count.textContent = found === 1 ? "1 result" : `${found} results`;
  }

  /** @param {number} index */
  choose(index) {
    this.at = index;
    this.options.forEach((option, position) => option.setAttribute("aria-selected", String(position === index)));
    const chosen = this.options[index];
    if (!chosen) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing) return;
    const next = findNextOption(event.key, this.at, this.options.length);
    if (next !== null) this.choose(next);
    else if (event.key === "Enter") this.go(event);
    else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  go(event) {
    const chosen = this.options[this.at];
    if (!chosen) return;
    if (event.ctrlKey || event.metaKey) window.open(chosen.href, "_blank", "noopener");
    else location.assign(chosen.href);
    this.dialog.close();
  }
}

/** @returns {() => void} opens the palette; does nothing where there is none */
export function startPalette() {
  const dialog = document.getElementById("palette");
  if (!(dialog instanceof HTMLDialogElement)) return () => {};
  const palette = new Palette(dialog);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.shiftKey) {
      event.preventDefault();
      palette.open();
    }
  });
  return () => palette.open();
}
