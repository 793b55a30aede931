// @ts-check
// The inspector: a form from the server, whose changes go through the canvas like all edits.

import { findErrorTargets, routeError } from "../doc/edits.js";
import { lookUp, own } from "../doc/operations/index.js";
import { completeExpressions } from "./complete.js";

const WAIT_MS = 120;
const TYPING_MS = 500;

/** @param {HTMLElement} root @param {any} canvas @param {any} panes */
export function listenToInspector(root, canvas, panes) {
  const pane = /** @type {HTMLElement} */ (root.querySelector("#inspector"));
  let step = "";
  /** @type {any} */
  let timer = null;
  let requests = 0;
  /** The field to go to once the form of the step has come. */
  let wantedField = "";
  const focusWanted = () => {
    const shown = pane.querySelector(".inspect")?.getAttribute("data-step") === step;
    const field = wantedField && shown ? /** @type {HTMLElement | null} */ (pane.querySelector(wantedField)) : null;
    if (!field) return;
    wantedField = "";
    field.closest("details")?.setAttribute("open", "");
    field.focus();
  };
  /** @param {string} selector */
  const goTo = (selector) => { wantedField = selector; focusWanted(); };

  const load = async () => {
    const mine = (requests += 1);
    const response = await fetch(`${pane.dataset.url}?step=${encodeURIComponent(step)}`, { credentials: "same-origin" });
    if (mine !== requests) return;
    if (!response.ok) {
      if (response.status === 404 && canvas.draft?.pending.length) return void (timer = setTimeout(load, 300));
      pane.innerHTML = '<p class="muted pane-note">The settings could not be loaded. Select the step again.</p>';
      return;
    }
    replaceForm(pane, await response.text());
    fill();
    focusWanted();
  };
  const show = (/** @type {string[]} */ steps) => {
    step = steps.length === 1 ? steps[0] : "";
    clearTimeout(timer);
    timer = setTimeout(load, WAIT_MS);
  };
  /** Put the canvas's values into the form, which may be older, or others may have edited. */
  const fill = () => {
    for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (pane.querySelectorAll("[data-path]"))) {
      if (field !== document.activeElement) writeField(field, readStored(canvas, step, field.dataset.path ?? ""));
    }
    const route = /** @type {HTMLSelectElement | null} */ (pane.querySelector("[data-route]"));
    if (route) route.value = findErrorTargets(canvas.document, step)[0] ?? "";
  };
  /** Ask for the form again once the server has the edit. */
  const reload = () => {
    if (canvas.draft.pending.length) setTimeout(reload, 80);
    else load();
  };

  canvas.addEventListener("flow:select", (/** @type {CustomEvent} */ event) => show(event.detail.steps));
  canvas.addEventListener("flow:changed", () => {
    if (step && !own(canvas.document.steps, step)) show([]);
    else fill();
  });
  canvas.addEventListener("flow:open", () => {
    panes.show("inspect");
    goTo("#field-title");
  });

  const commit = (/** @type {HTMLInputElement} */ field) => {
    const path = field.dataset.path ?? "";
    const value = readField(field);
    const old = readStored(canvas, step, path);
    if (value instanceof Error) return markWrong(field, value.message);
    markWrong(field, "");
    if (JSON.stringify(value) === JSON.stringify(old)) return;
    const merge = { merge: `${step} ${path}` };
    const emptiedPath = value === undefined ? findEmptied(canvas, step, path) : "";
    if (emptiedPath) return void canvas.edit({ op: "set_field", step, path: emptiedPath, old: readStored(canvas, step, emptiedPath) }, "", merge);
    const where = step ? { op: "set_field", step, path } : { op: "set_flow", path };
    canvas.edit({ ...where, ...(value === undefined ? {} : { value }), old: old ?? null }, "", merge);
  };
  /** @type {any} */
  let typing = null;
  pane.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (!field.dataset.path) return;
    clearTimeout(typing);
    typing = setTimeout(() => commit(field), field.dataset.kind === "json" ? TYPING_MS * 2 : TYPING_MS);
  });
  pane.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    clearTimeout(typing);
    if (field.dataset.path) commit(field);
    if ("rename" in field.dataset) rename(field);
    if ("route" in field.dataset) route(field);
  });
  /** Put the chosen name into a map of numbers: one that people may change. @param {HTMLElement} map */
  const addToMap = (map) => {
    const select = /** @type {HTMLSelectElement} */ (map.querySelector("[data-map-name]"));
    const path = map.dataset.map ?? "", name = select.value;
    const before = readStored(canvas, step, path) ?? {};
    if (!name || own(before, name) !== undefined) return;
    const value = { ...before, [name]: Number(select.dataset.first) };
    if (canvas.edit({ op: "set_field", step, path, value, old: readStored(canvas, step, path) ?? null })) reload();
    goTo(`[data-path="${CSS.escape(`${path}/${escapeKey(name)}`)}"]`);
  };
  const removeFromMap = (/** @type {string} */ path, /** @type {string} */ name) => {
    const before = readStored(canvas, step, path) ?? {};
    const { [name]: _, ...rest } = before;
    const value = Object.keys(rest).length ? { value: rest } : {};
    if (canvas.edit({ op: "set_field", step, path, ...value, old: before })) reload();
    goTo(`[data-map="${CSS.escape(path)}"] [data-map-name]`);
  };
  /** Show the other of both: the list, or the text for an expression. @param {Element} pick */
  const turnPick = (pick) => {
    const [list, text] = /** @type {any} */ (pick.querySelectorAll("[data-path]"));
    const toText = text.hidden;
    list.hidden = toText;
    text.hidden = !toText;
    text.value = list.value;
    const button = /** @type {HTMLElement} */ (pick.querySelector("[data-pick-act]"));
    button.textContent = toText ? "Choose from the list" : "Write an expression";
    (toText ? text : list).focus();
  };
  const rename = (/** @type {HTMLInputElement} */ field) => {
    const to = field.value.trim();
    if (!to || to === step) return void (field.value = step);
    if (!canvas.edit({ op: "rename_step", id: step, to }, `Renamed ${step} to ${to}`)) return void (field.value = step);
    step = to;
    requestAnimationFrame(() => canvas.reveal(to));
    reload();
  };
  const route = (/** @type {HTMLInputElement} */ field) => {
    const edit = routeError(canvas.document, step, field.value);
    if (edit && !canvas.edit(edit, field.value ? `Errors of ${step} lead to ${field.value}` : `Errors of ${step} fail the run`)) fill();
  };
  pane.addEventListener("keydown", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape") canvas.reveal(step);
    if (event.key === "Enter" && field.classList.contains("one-line") && !event.shiftKey && !event.defaultPrevented) event.preventDefault();
  });
  pane.addEventListener("click", (event) => {
    const at = /** @type {Element} */ (event.target);
    const pick = at.closest("[data-pick-act]")?.closest("[data-pick]");
    if (pick) return turnPick(pick);
    const gone = /** @type {HTMLElement | null} */ (at.closest("[data-map-remove]"));
    const map = /** @type {HTMLElement | null} */ (gone?.closest("[data-map]") ?? null);
    const adding = /** @type {HTMLElement | null} */ (at.closest("[data-map-add]")?.closest("[data-map]") ?? null);
    if (adding) return addToMap(adding);
    if (gone && map) return removeFromMap(map.dataset.map ?? "", gone.dataset.mapRemove ?? "");
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-list-act]"));
    const list = /** @type {HTMLElement | null} */ (button?.closest("[data-list]") ?? null);
    if (!button || !list) return;
    const path = list.dataset.list ?? "";
    const before = readStored(canvas, step, path) ?? [];
    const after = applyListAct(before, button.dataset.listAct ?? "", Number(button.dataset.index), list);
    if (canvas.edit({ op: "set_field", step, path, value: after })) reload();
  });
  completeExpressions(pane);
  return { show, reload, fill, goTo, current: () => step };
}

/** @param {any[]} list @param {string} act @param {number} index @param {HTMLElement} place */
function applyListAct(list, act, index, place) {
  const copy = [...list];
  if (act === "remove") copy.splice(index, 1);
  if (act === "up") copy.splice(index - 1, 0, ...copy.splice(index, 1));
  if (act === "add") {
    const blank = /** @type {HTMLTemplateElement} */ (place.querySelector(":scope > template[data-blank]")).content.textContent;
    copy.push(JSON.parse(blank || '""'));
  }
  return copy;
}

/** @param {string} key */
const escapeKey = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** @param {any} canvas @param {string} step @param {string} path */
function readStored(canvas, step, path) {
  const root = step ? own(canvas.document.steps, step) : canvas.document;
  return root && path ? lookUp(root, path) : undefined;
}

// Fields that are removed together with the last field inside them.
const REMOVED_WHEN_EMPTY = /^\/(retry|limit|cache)\/[^/]+$/;

/** The pointer of the field that would be left empty, or "". @param {any} canvas @param {string} step @param {string} path */
function findEmptied(canvas, step, path) {
  const found = step ? REMOVED_WHEN_EMPTY.exec(path) : null;
  const parent = found && readStored(canvas, step, `/${found[1]}`);
  return parent && Object.keys(parent).length === 1 && readStored(canvas, step, path) !== undefined ? `/${found[1]}` : "";
}

/** @param {HTMLInputElement} field @returns {any} the value; undefined removes the field, an Error says what is wrong */
function readField(field) {
  const text = field.value;
  if (field.dataset.kind === "bool") return field.checked;
  if (text.trim() === "") return undefined;
  if (field.dataset.kind === "number") {
    if (text.includes("${")) return text;
    const number = Number(text.replace(",", "."));
    return Number.isFinite(number) ? number : new Error("Write a number, or an expression in ${ }.");
  }
  if (field.dataset.kind === "names") return splitNames(text);
  if (field.dataset.kind !== "json") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (/^\s*\$\{/.test(text)) return text;
    return new Error(`Not yet JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

/** @param {string} text @returns {string[] | undefined} */
function splitNames(text) {
  const names = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  return names.length ? names : undefined;
}

/** @param {HTMLInputElement} field @param {any} value */
function writeField(field, value) {
  if (field.getAttribute("data-wrong")) return;
  if (field.dataset.kind === "bool") return void (value === undefined || (field.checked = Boolean(value)));
  if (field.dataset.kind === "names") value = Array.isArray(value) ? value.join(", ") : value;
  const text = value === undefined || value === null ? "" : field.dataset.kind === "json" && typeof value !== "string" ? JSON.stringify(value, null, 2) : String(value);
  if (field instanceof HTMLSelectElement) offer(field, text);
  if (JSON.stringify(readField(field)) !== JSON.stringify(value) && field.value !== text) field.value = text;
}

/** A value that a list does not offer, such as a model that is gone, is shown and kept. @param {HTMLSelectElement} list @param {string} text */
function offer(list, text) {
  if (![...list.options].some((option) => option.value === text)) list.add(new Option(text, text));
}

/** @param {HTMLInputElement} field @param {string} wrong */
function markWrong(field, wrong) {
  field.toggleAttribute("data-wrong", Boolean(wrong));
  field.setCustomValidity(wrong);
  if (wrong) field.setAttribute("aria-invalid", "true");
  const place = field.closest(".field")?.querySelector("[data-problems-of]");
  if (wrong) place?.replaceChildren(Object.assign(document.createElement("p"), { className: "error-text", textContent: wrong }));
  else if (!place?.querySelector(".icon")) place?.replaceChildren();
}

/** @param {HTMLElement} pane @param {string} html */
function replaceForm(pane, html) {
  const active = /** @type {HTMLInputElement | null} */ (document.activeElement);
  const id = active && pane.contains(active) ? active.id : "";
  const open = [...pane.querySelectorAll("details[open]")].map((each) => each.getAttribute("data-group"));
  const at = active && "selectionStart" in active ? active.selectionStart : null;
  pane.innerHTML = html;
  // Sections that a person opened stay open from step to step; those with settings are open anyway.
  for (const each of pane.querySelectorAll("details")) if (open.includes(each.getAttribute("data-group"))) each.open = true;
  const again = /** @type {HTMLInputElement | null} */ (id ? document.getElementById(id) : null);
  again?.focus();
  if (at !== null) try { again?.setSelectionRange(at, at); } catch { /* not every field has a caret */ }
}
