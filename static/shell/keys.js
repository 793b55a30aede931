// @ts-check
// Keys that work everywhere, and the list of keys that `?` opens.

/**
 * @typedef {{ keys: string[], does: string }} Key
 * @typedef {{ heading: string, keys: Key[] }} KeyGroup
 */

/**
 * Read a page's own list: `[{"heading": "Review", "keys": [["N", "Next case"], ["Shift 1", "Fit"]]}]`.
 * @param {string} text
 * @returns {KeyGroup[]}
 */
export function parseKeys(text) {
  const groups = /** @type {{ heading: string, keys: [string, string][] }[]} */ (JSON.parse(text));
  return groups.map(({ heading, keys }) => ({
    heading,
    keys: keys.map(([combination, does]) => ({ keys: combination.split(" "), does })),
  }));
}

/**
 * Whether a key press is for the focused element rather than for the page.
 * @param {{ target: EventTarget | null, ctrlKey: boolean, metaKey: boolean, altKey: boolean, isComposing?: boolean, defaultPrevented?: boolean }} event
 */
export function isTyping(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (event.defaultPrevented) return true;
  const target = /** @type {{ closest?: (selector: string) => unknown } | null} */ (event.target);
  return Boolean(target?.closest?.("input, textarea, select, [contenteditable], [role=textbox], dialog[open]"));
}

/**
 * Find the row that J or K leads to, staying within the list.
 * @param {string} key
 * @param {number} at the row that has the focus, -1 for none
 * @param {number} count
 * @returns {number | null} null: not such a key
 */
export function findNextRow(key, at, count) {
  if (!count) return null;
  if (key === "j") return Math.min(at + 1, count - 1);
  if (key === "k") return at < 0 ? count - 1 : Math.max(at - 1, 0);
  return null;
}

/** @param {KeyGroup} group */
function renderGroup({ heading, keys }) {
  const section = document.createElement("section");
  section.className = "stack-s";
  const title = document.createElement("h3");
  title.textContent = heading;
  const list = document.createElement("dl");
  list.className = "keys";
  for (const { keys: combination, does } of keys) {
    const term = document.createElement("dt");
    for (const key of combination) term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    list.append(term, Object.assign(document.createElement("dd"), { textContent: does }));
  }
  section.append(title, list);
  return section;
}

/** Open the list of keys, including those of the page. */
export function openKeys() {
  const dialog = document.getElementById("keys");
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  const groups = [...document.querySelectorAll("script[data-keys]")].flatMap((element) =>
    parseKeys(element.textContent ?? "[]"),
  );
  dialog.querySelector("[data-page-keys]")?.replaceChildren(...groups.map(renderGroup));
  dialog.showModal();
}

/** @param {string} key */
function moveRow(key) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main .row-link")]);
  const next = findNextRow(key, rows.indexOf(/** @type {HTMLElement} */ (document.activeElement)), rows.length);
  if (next === null) return false;
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
  return true;
}

/** @param {string} key */
function goTo(key) {
  const places = document.querySelectorAll(".rail-link");
  const place = places[Number(key) - 1];
  if (place instanceof HTMLAnchorElement) place.click();
}

/** A page that handles J and K itself puts `data-own-rows` on main. */
export function listenForKeys() {
  let afterG = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (isTyping(event)) return;
    if (event.key === "?") openKeys();
    else if (event.key === "g") afterG = event.timeStamp;
    else if (/^[1-9]$/.test(event.key) && event.timeStamp - afterG < 1500) goTo(event.key);
    else if (document.querySelector("main[data-own-rows], main [data-own-rows]")) return;
    else if (!moveRow(event.key)) return;
    event.preventDefault();
  });
}
