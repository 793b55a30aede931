// @ts-check
// The grid of a decision table: cells by keyboard, paste from a spreadsheet, rows and columns.
// What a button changes the server draws, as it does without this script; this one asks it quietly,
// and keeps what was there before for undo.

import { parsePaste, toCell } from "./cells.js";

const MOST_UNDONE = 50;
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("asset-form"));
const first = /** @type {HTMLElement | null} */ (form?.querySelector("[data-table-grid]"));
if (form && first) start(form, first);

/** @param {HTMLFormElement} form @param {HTMLElement} first */
function start(form, first) {
  let root = first;
  /** @type {Record<string, string>[]} */
  const undone = [];
  // One field for the whole grid: a form has at most so many fields.
  const sent = document.createElement("input");
  sent.type = "hidden";
  sent.name = "grid";
  form.append(sent);

  /** Take the names from the fields, which are sent as one. */
  const adopt = () => {
    for (const field of root.querySelectorAll("[name]")) {
      if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) continue;
      field.dataset.name = field.name;
      field.removeAttribute("name");
    }
    for (const cell of root.querySelectorAll("[data-cell], [data-act]")) {
      /** @type {HTMLElement} */ (cell).tabIndex = -1;
    }
    for (const grid of root.querySelectorAll("[data-grid]")) {
      const entry = /** @type {HTMLElement | null} */ (grid.querySelector("[data-cell]"));
      if (entry) entry.tabIndex = 0;
    }
    keep();
  };
  /** @returns {Record<string, string>} */
  const collect = () => {
    /** @type {Record<string, string>} */
    const found = {};
    for (const field of root.querySelectorAll("[data-name]")) {
      const each = /** @type {HTMLInputElement} */ (field);
      found[each.dataset.name ?? ""] = each.value;
    }
    return found;
  };
  const keep = () => {
    sent.value = JSON.stringify(collect());
  };
  const changed = () => {
    keep();
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };

  /** Ask the server for the grid after an act, and show it. @param {string} act @param {string} [focus] */
  const ask = async (act, focus) => {
    const body = new FormData(form);
    body.set("row", act);
    root.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action || location.href, { method: "POST", body });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = /** @type {HTMLElement | null} */ (page.querySelector("[data-table-grid]"));
      if (!fresh) return;
      root.replaceWith(fresh);
      root = fresh;
      adopt();
      mark();
      go(focus ?? root.dataset.focus ?? "");
      changed();
    } finally {
      root.removeAttribute("aria-busy");
    }
  };
  const remember = () => {
    undone.push(collect());
    if (undone.length > MOST_UNDONE) undone.shift();
  };
  /** @param {string} act @param {string} [focus] */
  const press = (act, focus) => {
    remember();
    return ask(act, focus);
  };
  const undo = () => {
    const before = undone.pop();
    if (!before) return;
    sent.value = JSON.stringify(before);
    void ask("show", document.activeElement?.id);
  };

  // --- Where the cursor is ---

  /** @param {string} id */
  const go = (id) => {
    const found = document.getElementById(id);
    const settings = found?.closest("[popover]");
    if (settings instanceof HTMLElement && found !== settings) settings.showPopover();
    const target = found?.matches("[data-column]") ? found.querySelector("button") : found;
    const cell = target instanceof HTMLTableRowElement ? target.querySelector("[data-cell]") : target;
    if (cell instanceof HTMLElement) cell.focus();
  };
  /** @param {Element} cell @param {string} [what] */
  const inRow = (cell, what = "[data-cell], [data-act]") =>
    /** @type {HTMLElement[]} */ ([...(cell.closest("tr")?.querySelectorAll(what) ?? [])]);
  /** @param {Element} cell */
  const rowsOf = (cell) => [...(cell.closest("tbody")?.rows ?? [])];
  /** Go by so many rows; return whether there is one. @param {HTMLElement} cell @param {number} by */
  const goRow = (cell, by) => {
    const rows = rowsOf(cell);
    const next = rows[rows.indexOf(/** @type {HTMLTableRowElement} */ (cell.closest("tr"))) + by];
    const cells = next ? inRow(next.cells[0]) : [];
    const target = cells[Math.min(inRow(cell).indexOf(cell), cells.length - 1)];
    target?.focus();
    return Boolean(target);
  };
  /** @param {HTMLElement} cell @param {number} by */
  const goColumn = (cell, by) => {
    const cells = inRow(cell);
    cells[cells.indexOf(cell) + by]?.focus();
  };
  /** Go to the next cell in reading order; return whether there is one. @param {HTMLElement} cell @param {number} by */
  const goNext = (cell, by) => {
    const all = /** @type {HTMLElement[]} */ ([...(cell.closest("tbody")?.querySelectorAll("[data-cell]") ?? [])]);
    const at = all.indexOf(cell.matches("[data-cell]") ? cell : inRow(cell, "[data-cell]").at(-1) ?? cell);
    all[at + by]?.focus();
    return Boolean(all[at + by]);
  };
  /** @param {Element} cell */
  const numberOf = (cell) => rowsOf(cell).indexOf(/** @type {HTMLTableRowElement} */ (cell.closest("tr")));

  // --- Cells ---

  /** What the cell held when it was entered. */
  let before = "";
  /** @param {HTMLElement} cell */
  const isEditing = (cell) => "editing" in cell.dataset;
  /** @param {HTMLElement} cell @param {boolean} on */
  const setEditing = (cell, on) => {
    if (on) cell.dataset.editing = "";
    else delete cell.dataset.editing;
  };

  document.addEventListener("focusin", (event) => {
    const cell = event.target;
    if (!(cell instanceof HTMLElement) || !root.contains(cell) || !cell.matches("[data-cell], [data-act]")) return;
    const grid = cell.closest("[data-grid]");
    for (const each of grid?.querySelectorAll('[tabindex="0"]:is([data-cell], [data-act])') ?? []) {
      /** @type {HTMLElement} */ (each).tabIndex = -1;
    }
    cell.tabIndex = 0;
    if (cell instanceof HTMLInputElement) {
      before = cell.value;
      setEditing(cell, false);
      cell.select();
    }
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  document.addEventListener("focusout", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches("[data-cell]")) setEditing(event.target, false);
  });
  // A second click sets the caret; the first one chooses the cell.
  document.addEventListener("mousedown", (event) => {
    const cell = event.target;
    if (!(cell instanceof HTMLInputElement) || !cell.matches("[data-cell]") || !root.contains(cell)) return;
    if (cell === document.activeElement) setEditing(cell, true);
    else {
      event.preventDefault();
      cell.focus();
    }
  });
  document.addEventListener("input", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if (!root.contains(field)) return;
    keep();
    const head = field.closest("[data-column]");
    if (!head) return;
    const value = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement | null} */ (head.querySelector(`[id$=".${name}"]:not(span)`))?.value ?? "";
    const shown = head.querySelector("[data-column-name]");
    const type = head.querySelector("[data-column-type]");
    if (shown) shown.textContent = value("title") || value("name") || "no name";
    if (type) type.textContent = value("type");
  }, true);

  // --- Keys ---

  /** @type {Record<string, (cell: HTMLElement) => void>} */
  const always = {
    ArrowUp: (cell) => goRow(cell, -1),
    ArrowDown: (cell) => goRow(cell, 1),
    Enter: (cell) => {
      if (!goRow(cell, 1)) void press(`add:${groupOf(cell)}`);
    },
    F2: (cell) => {
      setEditing(cell, true);
      if (cell instanceof HTMLInputElement) cell.setSelectionRange(cell.value.length, cell.value.length);
    },
  };
  /** @type {Record<string, (cell: HTMLElement) => void>} */
  const choosing = {
    ArrowLeft: (cell) => goColumn(cell, -1),
    ArrowRight: (cell) => goColumn(cell, 1),
    Home: (cell) => inRow(cell)[0]?.focus(),
    End: (cell) => inRow(cell, "[data-cell]").at(-1)?.focus(),
    PageUp: (cell) => goRow(cell, -Math.min(10, numberOf(cell))),
    PageDown: (cell) => goRow(cell, Math.min(10, rowsOf(cell).length - 1 - numberOf(cell))),
    Delete: (cell) => put(cell, ""),
  };
  /** @type {Record<string, (cell: HTMLElement) => void>} */
  const withCtrl = {
    Enter: (cell) => void press(`add:${groupOf(cell)}:${numberOf(cell)}`),
    Backspace: (cell) => void press(`remove:${groupOf(cell)}:${numberOf(cell)}`),
    d: (cell) => {
      const above = rowsOf(cell)[numberOf(cell) - 1];
      const from = above && inRow(above.cells[0])[inRow(cell).indexOf(cell)];
      if (from instanceof HTMLInputElement) put(cell, from.value);
    },
  };
  /** @type {Record<string, (cell: HTMLElement) => void>} */
  const withAlt = {
    ArrowUp: (cell) => void press(`up:${groupOf(cell)}:${numberOf(cell)}`, shifted(cell, -1)),
    ArrowDown: (cell) => void press(`down:${groupOf(cell)}:${numberOf(cell)}`, shifted(cell, 1)),
  };
  /** @param {Element} cell */
  const groupOf = (cell) => /** @type {HTMLElement | null} */ (cell.closest("[data-grid]"))?.dataset.grid ?? "row";
  /** The id of the same cell so many rows on. @param {HTMLElement} cell @param {number} by */
  const shifted = (cell, by) => {
    const row = rowsOf(cell)[numberOf(cell) + by];
    return (row && inRow(row.cells[0])[inRow(cell).indexOf(cell)]?.id) || cell.id;
  };
  /** @param {HTMLElement} cell @param {string} text */
  const put = (cell, text) => {
    if (!(cell instanceof HTMLInputElement)) return;
    cell.value = text;
    cell.select();
    changed();
  };

  document.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (!(cell instanceof HTMLElement) || !root.contains(cell) || event.isComposing) return;
    if (cell.closest("[popover]")) {
      if (event.key === "Enter" && !(cell instanceof HTMLButtonElement)) {
        event.preventDefault();
        /** @type {HTMLElement} */ (cell.closest("[popover]")).hidePopover();
      }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey && !isEditing(cell)) {
      if (undone.length) event.preventDefault();
      undo();
      return;
    }
    if (!cell.matches("[data-cell], [data-act]")) return;
    const act = choose(event, cell);
    if (act) {
      event.preventDefault();
      act(cell);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) setEditing(cell, true);
    else if (event.key === "Backspace") setEditing(cell, true);
  });
  /** @param {KeyboardEvent} event @param {HTMLElement} cell */
  const choose = (event, cell) => {
    if (event.key === "Tab") return goesOn(cell, event.shiftKey ? -1 : 1);
    if (cell instanceof HTMLButtonElement && ["Enter", " "].includes(event.key)) return undefined;
    if (event.ctrlKey || event.metaKey) return isEditing(cell) && event.key === "Backspace" ? undefined : withCtrl[event.key];
    if (event.altKey) return withAlt[event.key];
    if (event.shiftKey) return undefined;
    if (event.key === "Escape" && isEditing(cell)) return (/** @type {HTMLElement} */ each) => {
      put(each, before);
      setEditing(each, false);
    };
    return always[event.key] ?? (isEditing(cell) ? undefined : choosing[event.key]);
  };
  /** Tab goes to the next cell, and out of the grid after the last. @param {HTMLElement} cell @param {number} by */
  const goesOn = (cell, by) => {
    const all = [...(cell.closest("tbody")?.querySelectorAll("[data-cell]") ?? [])];
    const isLast = cell === all[by > 0 ? all.length - 1 : 0];
    return isLast || cell.matches("[data-act]") ? undefined : (/** @type {HTMLElement} */ each) => void goNext(each, by);
  };

  // --- Paste ---

  document.addEventListener("paste", (event) => {
    const cell = event.target;
    if (!(cell instanceof HTMLInputElement) || !cell.matches("[data-cell]") || !root.contains(cell)) return;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const lines = parsePaste(text);
    if (lines.length < 2 && (lines[0]?.length ?? 0) < 2) return;
    event.preventDefault();
    void paste(cell, lines);
  });
  /** Put cells where the cursor is, to the right and down; add the rows that are missing.
   * @param {HTMLInputElement} cell @param {string[][]} lines */
  const paste = async (cell, lines) => {
    remember();
    const [at, left, id] = [numberOf(cell), inRow(cell, "[data-cell]").indexOf(cell), cell.id];
    const group = groupOf(cell);
    const missing = at + lines.length - rowsOf(cell).length;
    if (missing > 0) {
      const fields = collect();
      fields[`${group}-rows`] = String(Number(fields[`${group}-rows`]) + missing);
      sent.value = JSON.stringify(fields);
      await ask("show", id);
    }
    const table = root.querySelector(`[data-grid="${group}"]`);
    const rows = /** @type {HTMLTableElement | null} */ (table)?.tBodies[0]?.rows ?? [];
    lines.forEach((line, down) => {
      const cells = rows[at + down] ? inRow(rows[at + down].cells[0], "[data-cell]") : [];
      line.forEach((value, right) => {
        const target = cells[left + right];
        if (target instanceof HTMLInputElement) target.value = toCell(value, typeOf(target), target.id.includes(".then."));
      });
    });
    changed();
  };
  /** The type of a cell's column, none where it holds no FEEL. @param {HTMLElement} cell */
  const typeOf = (cell) => {
    const [, , side, column] = cell.id.split(".");
    const key = { when: "inputs", then: "outputs" }[side ?? ""];
    const field = key && document.getElementById(`${key}.${column}.type`);
    return field instanceof HTMLSelectElement ? field.value : "";
  };

  // --- Problems, marked where they are ---

  const preview = document.getElementById("asset-preview");
  const mark = () => {
    for (const each of root.querySelectorAll("[aria-invalid]")) {
      each.removeAttribute("aria-invalid");
      each.removeAttribute("title");
    }
    for (const each of root.querySelectorAll("tr[data-marked]")) each.removeAttribute("data-marked");
    for (const problem of preview?.querySelectorAll('[data-at][data-tone="bad"]') ?? []) {
      const at = /** @type {HTMLElement} */ (problem).dataset.at ?? "";
      const place = document.getElementById(at);
      if (place instanceof HTMLTableRowElement) place.dataset.marked = "";
      if (!place || place instanceof HTMLTableRowElement) continue;
      place.setAttribute("aria-invalid", "true");
      place.title = problem.querySelector("a")?.textContent ?? "";
      const head = place.closest("[data-column]")?.querySelector(".grid-head");
      head?.setAttribute("aria-invalid", "true");
    }
  };
  if (preview) new MutationObserver(mark).observe(preview, { childList: true, subtree: true, characterData: true });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest('#asset-preview a[href^="#"]') : null;
    if (!link) return;
    event.preventDefault();
    go(decodeURIComponent(link.getAttribute("href")?.slice(1) ?? ""));
  });

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target !== form || !(button instanceof HTMLButtonElement) || button.name !== "row") return;
    event.preventDefault();
    void press(button.value);
  });

  adopt();
  mark();
}
