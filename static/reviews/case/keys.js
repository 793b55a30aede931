// @ts-check
// What a key means on a case. No DOM: the page says how it stands, this says what to do.

/**
 * @typedef {{ kind: "outcome", key: string } | { kind: "reason", index: number } | { kind: "send" }
 *   | { kind: "fields" } | { kind: "documents" } | { kind: "comment" } | { kind: "act", key: string }
 *   | { kind: "undo" } | { kind: "next" } | { kind: "leave" }} Act
 */

/**
 * @typedef {object} Press
 * @property {string} key
 * @property {boolean} [ctrl] Ctrl or Command
 * @property {boolean} typing the focus is in a field for text
 * @property {boolean} [onControl] the focus is on a button, link or summary, which Enter activates
 * @property {boolean} chosen an outcome is chosen
 * @property {number} reasons how many reasons the chosen outcome offers
 * @property {string[]} outcomes the keys of the outcomes on offer, in lower case
 */

/**
 * @param {Press} press
 * @returns {Act | null} null: the key means nothing here
 */
export function findAct({ key, ctrl = false, typing, onControl = false, chosen, reasons, outcomes }) {
  if (key === "Enter" && ctrl) return { kind: "send" };
  if (key === "Escape" && typing) return { kind: "leave" };
  if (ctrl || typing) return null;
  if (key === "Enter") return chosen && !onControl ? { kind: "send" } : null;
  const letter = key.toLowerCase();
  // A digit chooses a reason if the chosen outcome has that many, else one of the flow's own outcomes.
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

// All but J, K and G, which belong to the frame at any time.
const OURS = /^(?:[a-fh-ilm-z1-9]|Enter)$/i;

/**
 * Whether a key that is pressed while another case is on its way waits for that case. After an undo
 * the reviewer knows the case that comes back, so every key counts. A next case has not been seen
 * yet: no key decides it in advance, but Z undoes what was sent a moment ago.
 * @param {"undo" | "other"} leaving what brings the case
 * @param {string} key
 */
export function waitsFor(leaving, key) {
  return leaving === "undo" ? OURS.test(key) : key.toLowerCase() === "z";
}
