// @ts-check
// What a key means on a case. No DOM: the page says what it is, this says what to do.

/**
 * @typedef {{ kind: "outcome", key: string } | { kind: "reason", index: number } | { kind: "send" }
 *   | { kind: "fields" } | { kind: "documents" } | { kind: "comment" } | { kind: "act", key: string }
 *   | { kind: "undo" } | { kind: "next" } | { kind: "leave" }} Act
 */

/**
 * @typedef {object} Press
 * @property {string} key
 * @property {boolean} [ctrl] Ctrl or Command
 * @property {boolean} typing the focus is where letters are written
 * @property {boolean} [onControl] the focus is on a button, link or summary, which Enter is for
 * @property {boolean} chosen an outcome is chosen
 * @property {number} reasons how many reasons the chosen outcome offers
 * @property {string[]} outcomes the keys of the outcomes on offer, in lower case
 */

/**
 * @param {Press} press
 * @returns {Act | null} null: the key is not ours
 */
export function actOf({ key, ctrl = false, typing, onControl = false, chosen, reasons, outcomes }) {
  if (key === "Enter" && ctrl) return { kind: "send" };
  if (key === "Escape" && typing) return { kind: "leave" };
  if (ctrl || typing) return null;
  if (key === "Enter") return chosen && !onControl ? { kind: "send" } : null;
  const letter = key.toLowerCase();
  // A digit is a reason where the chosen outcome has some, else an outcome of the flow's own.
  if (/^[1-9]$/.test(key) && chosen && Number(key) <= reasons) {
    return { kind: "reason", index: Number(key) - 1 };
  }
  if (outcomes.includes(letter)) return { kind: "outcome", key: letter };
  /** @type {Record<string, Act>} */
  const plain = {
    f: { kind: "fields" },
    d: { kind: "documents" },
    c: { kind: "comment" },
    i: { kind: "act", key: "I" },
    e: { kind: "act", key: "E" },
    o: { kind: "act", key: "O" },
    z: { kind: "undo" },
    n: { kind: "next" },
  };
  return plain[letter] ?? null;
}

// J, K and G belong to the frame, which has them at any time.
const OURS = /^(?:[a-fh-ilm-z1-9]|Enter)$/i;

/**
 * Whether a key that is pressed while another page of the pane is on its way waits for that page.
 * What is undone comes back as it was, so the hand is already at work on it. A next case has not
 * been seen yet: nothing decides it in advance, but what was sent a moment ago can be undone.
 * @param {"undo" | "other"} leaving what brings the page
 * @param {string} key
 */
export function waitsFor(leaving, key) {
  return leaving === "undo" ? OURS.test(key) : key.toLowerCase() === "z";
}

/**
 * Which of the fields to go to: the least certain first, then down the page.
 * @param {(number | null)[]} confidences of the editable fields in order, null: unknown
 * @returns {number} -1: there is none
 */
export function firstField(confidences) {
  if (!confidences.length) return -1;
  let best = 0;
  confidences.forEach((confidence, index) => {
    if ((confidence ?? 1) < (confidences[best] ?? 1)) best = index;
  });
  return best;
}

/**
 * How many whole seconds are left to undo.
 * @param {number} commitAt in milliseconds since 1970
 * @param {number} now
 */
export function secondsLeft(commitAt, now) {
  return Math.max(0, Math.ceil((commitAt - now) / 1000));
}
