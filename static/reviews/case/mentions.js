// @ts-check
// Mentioning people in a comment: @ and the first letters list the people who can see the case.

import { findMention, stepChoice, insertMention } from "./mention-text.js";

/** @typedef {{ name: string, label: string }} Person */

const WAIT_MS = 120;

/**
 * The open list; at most one on a page.
 * @type {{ area: HTMLTextAreaElement, list: HTMLElement, at: number } | null}
 */
let open = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asked = 0;

/** @param {HTMLElement} list @returns {HTMLElement[]} */
const getOptions = (list) => [.../** @type {HTMLCollectionOf<HTMLElement>} */ (list.children)];

function close() {
  clearTimeout(timer);
  asked += 1;
  if (!open) return;
  open.list.hidden = true;
  open.list.replaceChildren();
  open.area.removeAttribute("aria-activedescendant");
  open = null;
}

/** @param {number} at */
function mark(at) {
  if (!open) return;
  open.at = at;
  getOptions(open.list).forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
  const chosen = getOptions(open.list)[at];
  open.area.setAttribute("aria-activedescendant", chosen.id);
  chosen.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement | undefined} option */
function choose(option) {
  if (!open || !option) return;
  const { area } = open;
  const mention = findMention(area.value, area.selectionStart);
  close();
  if (!mention) return;
  const next = insertMention(area.value, mention.start, area.selectionStart, option.dataset.name ?? "");
  area.value = next.text;
  area.setSelectionRange(next.caret, next.caret);
  area.focus();
}

/**
 * @param {HTMLTextAreaElement} area
 * @param {Person[]} people
 */
function show(area, people) {
  const list = document.getElementById(area.getAttribute("aria-controls") ?? "");
  if (!list || !people.length) return close();
  list.replaceChildren(
    ...people.map((person, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.dataset.name = person.name;
      const name = document.createElement("span");
      name.className = "muted";
      name.textContent = `@${person.name}`;
      option.append(person.label, " ", name);
      return option;
    }),
  );
  list.hidden = false;
  open = { area, list, at: 0 };
  mark(0);
}

/** @param {HTMLTextAreaElement} area */
async function ask(area) {
  const mention = findMention(area.value, area.selectionStart);
  if (!mention) return close();
  asked += 1;
  const mine = asked;
  const address = `${area.dataset.mentions}?q=${encodeURIComponent(mention.typed)}`;
  const response = await fetch(address).catch(() => null);
  // Only the newest answer counts, and only while the field still has the focus.
  if (mine !== asked || document.activeElement !== area) return;
  show(area, response?.ok ? await response.json() : []);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!open || event.target !== open.area || event.isComposing || event.ctrlKey || event.metaKey) return;
  const count = getOptions(open.list).length;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) mark(stepChoice(open.at, by, count));
  else if (event.key === "Enter" || event.key === "Tab") choose(getOptions(open.list)[open.at]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

export function listenForMentions() {
  // Before the page's own keys, for which Escape leaves the field.
  window.addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || !area.dataset.mentions) return;
    clearTimeout(timer);
    timer = setTimeout(() => ask(area), WAIT_MS);
  });
  document.addEventListener("focusout", (event) => {
    if (open && event.target === open.area) close();
  });
  // Keeps the focus in the field when a name is clicked.
  document.addEventListener("mousedown", (event) => {
    const option = /** @type {Element} */ (event.target).closest("[role=option]");
    if (!open || !(option instanceof HTMLElement) || !open.list.contains(option)) return;
    event.preventDefault();
    choose(option);
  });
}
