// @ts-check
// The bar that offers to undo the last decision, until the decision is committed.

/**
 * How many whole seconds are left to undo.
 * @param {number} commitAt in milliseconds since 1970
 * @param {number} now
 */
export function countSecondsLeft(commitAt, now) {
  return Math.max(0, Math.ceil((commitAt - now) / 1000));
}

export function countDown() {
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("[data-undo]"));
  if (!bar) return;
  const left = countSecondsLeft(Date.parse(bar.dataset.commitAt ?? ""), Date.now());
  const text = bar.querySelector("[data-countdown]");
  if (text) text.textContent = `${left} s`;
  if (left === 0) bar.remove();
}

export const startCountDown = () => setInterval(countDown, 250);
