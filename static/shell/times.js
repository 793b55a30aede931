// @ts-check
// Relative times, in the same words as workbench/shell/durations.py.

/** @type {ReadonlyArray<readonly [number, string]>} */
const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/**
 * Say how far away an instant is, in one unit.
 * @param {number} when milliseconds since the epoch
 * @param {number} now milliseconds since the epoch
 * @returns {string}
 */
export function formatAgo(when, now) {
  const seconds = (now - when) / 1000;
  const away = Math.abs(seconds);
  if (away < 10) return "just now";
  const [size, name] = UNITS.find(([unit]) => away >= unit) ?? [1, "s"];
  const span = `${Math.floor(away / size)} ${name}`;
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

/**
 * Update the relative times of a page.
 * @param {ParentNode} root
 * @param {number} now
 */
export function refreshTimes(root, now) {
  for (const element of root.querySelectorAll("time.ago")) {
    const text = formatAgo(Date.parse(element.getAttribute("datetime") ?? ""), now);
    if (element.textContent !== text) element.textContent = text;
  }
}
