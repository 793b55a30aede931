// @ts-check
// Where a text mentions somebody, and the text with the name filled in. No DOM.

/**
 * Find the name that is being typed at the caret, after an `@` that begins a word.
 * @param {string} text
 * @param {number} caret
 * @returns {{ start: number, typed: string } | null} where the `@` is; null: nobody is being mentioned
 */
export function findMention(text, caret) {
  const found = /(?:^|[^\w@])@([\w.+-]{0,150})$/.exec(text.slice(0, caret));
  return found ? { start: caret - found[1].length - 1, typed: found[1] } : null;
}

/**
 * Put the chosen name in place of what was typed.
 * @param {string} text
 * @param {number} start where the `@` is
 * @param {number} caret
 * @param {string} name
 */
export function insertMention(text, start, caret, name) {
  const rest = text.slice(caret);
  const before = `${text.slice(0, start)}@${name}${/^\s/.test(rest) ? "" : " "}`;
  return { text: before + rest, caret: before.length + (/^\s/.test(rest) ? 1 : 0) };
}

/**
 * The option to choose next, wrapping around at the ends.
 * @param {number} at
 * @param {number} by
 * @param {number} count
 */
export const stepChoice = (at, by, count) => (count ? (at + by + count) % count : -1);
