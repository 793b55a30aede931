// @ts-check
// What a row's parts are called. No DOM.

/**
 * The name or id after its row moved; one of another row stays as it is.
 * @param {string} text such as `form.debts.1.lender`, or `id-form-debts-1-lender-problem`
 * @param {string} from the row's name as it was, `form.debts.1`
 * @param {string} to
 */
export function renamed(text, from, to) {
  for (const [old, next] of [[from, to], [idOf(from), idOf(to)]]) {
    const rest = text.slice(old.length);
    // `form.debts.1` is no beginning of `form.debts.10`.
    if (text.startsWith(old) && /^(?:$|[.-])/.test(rest)) return next + rest;
  }
  return text;
}

/** The id that a widget of this name has. @param {string} name */
export const idOf = (name) => `id-${name.replaceAll(".", "-")}`;

/**
 * How many rows may be added and removed.
 * @param {number} rows
 * @param {{ least: number, most: number }} bounds
 */
export const room = (rows, { least, most }) => ({ add: rows < most, remove: rows > least });
