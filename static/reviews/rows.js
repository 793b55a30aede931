// @ts-check
// Lists of rows in a form: a row is added from a template and removed with a way back.

import { showToast } from "../shell/toasts.js";
import { renamed, room } from "./row-names.js";

const NAMED = ["name", "id", "for", "aria-describedby", "data-widget", "data-row", "data-rows"];

/** @param {Element} list @returns {HTMLElement[]} its own rows, not those inside them */
const rowsOf = (list) => [.../** @type {HTMLCollectionOf<HTMLElement>} */ (holderOf(list).children)];

/** @param {Element} list */
const holderOf = (list) => /** @type {HTMLElement} */ (list.querySelector(":scope > [data-rows-list]"));

/**
 * @param {ParentNode} part
 * @param {string} from
 * @param {string} to
 */
function rename(part, from, to) {
  const inside = part.querySelectorAll("*");
  for (const element of part instanceof Element ? [part, ...inside] : inside) {
    for (const name of NAMED) {
      const value = element.getAttribute(name);
      if (value) element.setAttribute(name, renamed(value, from, to));
    }
    if (element instanceof HTMLTemplateElement) rename(element.content, from, to);
  }
}

/** @param {HTMLElement} list */
function renumber(list) {
  const rows = rowsOf(list);
  rows.forEach((row, index) => {
    const to = `${list.dataset.rows}.${index}`;
    rename(row, row.dataset.row ?? "", to);
    const sent = /** @type {HTMLInputElement} */ (row.querySelector(":scope > [data-row-sent]"));
    sent.value = String(index);
    for (const number of row.querySelectorAll("[data-row-number]")) {
      if (number.closest("[data-row]") === row) number.textContent = String(index + 1);
    }
  });
  const may = room(rows.length, { least: Number(list.dataset.least), most: Number(list.dataset.most) });
  /** @type {HTMLButtonElement} */ (list.querySelector(":scope > [data-row-add]")).disabled = !may.add;
  for (const row of rows) {
    /** @type {HTMLButtonElement} */ (row.querySelector(":scope > .row-head [data-row-remove]")).disabled = !may.remove;
  }
  const count = list.querySelector(":scope > legend [data-rows-count]");
  if (count) count.textContent = String(rows.length);
}

/** @param {HTMLElement} list */
function add(list) {
  const blank = /** @type {HTMLTemplateElement} */ (list.querySelector(":scope > template"));
  holderOf(list).append(blank.content.cloneNode(true));
  renumber(list);
  /** @type {HTMLElement | null} */ (
    holderOf(list).lastElementChild?.querySelector("input:not([type=hidden]), select, textarea")
  )?.focus();
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 * @param {() => void} changed
 */
function remove(list, row, changed) {
  const at = rowsOf(list).indexOf(row);
  row.remove();
  renumber(list);
  const next = rowsOf(list)[at]?.querySelector(":scope > .row-head [data-row-remove]:enabled");
  /** @type {HTMLElement} */ (next ?? list.querySelector(":scope > [data-row-add]")).focus();
  showToast({
    title: `${list.dataset.rowLabel} ${at + 1} removed`,
    action: "Undo",
    onAction: () => {
      if (!list.isConnected) return;
      holderOf(list).insertBefore(row, rowsOf(list)[at] ?? null);
      renumber(list);
      row.querySelector("input:not([type=hidden]), select, textarea")?.scrollIntoView({ block: "nearest" });
      changed();
    },
  });
}

/**
 * Let the buttons of every list work, also of one that comes into the page later.
 * @param {(list: HTMLElement) => void} changed told of each list that has other rows now
 */
export function listenForRows(changed) {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = target.closest("[data-row-add], [data-row-remove]");
    const list = /** @type {HTMLElement | null} */ (button?.closest("[data-rows]"));
    if (!button || !list) return;
    if (button.matches("[data-row-add]")) add(list);
    else remove(list, /** @type {HTMLElement} */ (button.closest("[data-row]")), () => changed(list));
    changed(list);
  });
}

/** Say at which lists a row may be added or removed. @param {ParentNode} page */
export function beginRows(page) {
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-rows]"))) renumber(list);
}
