// @ts-check
// Lists of rows in a form: a row is added from a template, and removing one can be undone.

import { showToast } from "../../shell/toasts.js";
import { checkRoom, renumberName } from "./row-names.js";

const NAMED = ["name", "id", "for", "aria-describedby", "data-widget", "data-row", "data-rows"];

/** @param {Element} list @returns {HTMLElement[]} its own rows, not those inside them */
const getRows = (list) => [.../** @type {HTMLCollectionOf<HTMLElement>} */ (getHolder(list).children)];

/** @param {Element} list */
const getHolder = (list) => /** @type {HTMLElement} */ (list.querySelector(":scope > [data-rows-list]"));

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
      if (value) element.setAttribute(name, renumberName(value, from, to));
    }
    if (element instanceof HTMLTemplateElement) rename(element.content, from, to);
  }
}

/** @param {HTMLElement} list */
function renumber(list) {
  const rows = getRows(list);
  rows.forEach((row, index) => {
    const to = `${list.dataset.rows}.${index}`;
    rename(row, row.dataset.row ?? "", to);
    const sent = /** @type {HTMLInputElement} */ (row.querySelector(":scope > [data-row-sent]"));
    sent.value = String(index);
    for (const number of row.querySelectorAll("[data-row-number]")) {
      if (number.closest("[data-row]") === row) number.textContent = String(index + 1);
    }
  });
  const may = checkRoom(rows.length, { least: Number(list.dataset.least), most: Number(list.dataset.most) });
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
  getHolder(list).append(blank.content.cloneNode(true));
  renumber(list);
  /** @type {HTMLElement | null} */ (
    getHolder(list).lastElementChild?.querySelector("input:not([type=hidden]), select, textarea")
  )?.focus();
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 * @param {() => void} changed
 */
function remove(list, row, changed) {
  const at = getRows(list).indexOf(row);
  row.remove();
  renumber(list);
  const next = getRows(list)[at]?.querySelector(":scope > .row-head [data-row-remove]:enabled");
  /** @type {HTMLElement} */ (next ?? list.querySelector(":scope > [data-row-add]")).focus();
  showToast({
    title: `${list.dataset.rowLabel} ${at + 1} removed`,
    action: "Undo",
    onAction: () => {
      if (!list.isConnected) return;
      getHolder(list).insertBefore(row, getRows(list)[at] ?? null);
      renumber(list);
      row.querySelector("input:not([type=hidden]), select, textarea")?.scrollIntoView({ block: "nearest" });
      changed();
    },
  });
}

/**
 * Make the buttons of every list work, including lists that come into the page later.
 * @param {(list: HTMLElement) => void} changed called with each list whose rows changed
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

/** Number the rows of every list, and enable the buttons that may be used. @param {ParentNode} page */
export function beginRows(page) {
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-rows]"))) renumber(list);
}
