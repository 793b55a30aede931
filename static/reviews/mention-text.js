// @ts-check
// Where in a text somebody is being named, and the text with the name in it. No DOM.

/**
 * The name that is being written at the caret, after an `@` that begins a word.
 * @param {string} text
 * @param {number} caret
 * @returns {{ start: number, typed: string } | null} where the `@` is; null: nobody is being named
 */
export function mentionAt(text, caret) {
  const found = /(?:^|[^\w@])@([\w.+-]{0,150})$/.exec(text.slice(0, caret));
  return found ? { start: caret - found[1].length - 1, typed: found[1] } : null;
}

/**
 * @param {string} text
 * @param {number} start where the `@` is
 * @param {number} caret
 * @param {string} name
 */
export function withMention(text, start, caret, name) {
  const rest = text.slice(caret);
  const before = `${text.slice(0, start)}@${name}${/^\s/.test(rest) ? "" : " "}`;
  return { text: before + rest, caret: before.length + (/^\s/.test(rest) ? 1 : 0) };
}

/**
 * The one to choose next, round and round.
 * @param {number} at
 * @param {number} by
 * @param {number} count
 */
export const step = (at, by, count) => (count ? (at + by + count) % count : -1);
