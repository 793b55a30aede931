// @ts-check
// The names and ids of a row's parts. No DOM.

/**
 * Return a name or id as it reads after its row has moved; one of another row does not change.
 * @param {string} text such as `form.debts.1.lender`, or `id-form-debts-1-lender-problem`
 * @param {string} from the row's name as it was, `form.debts.1`
 * @param {string} to
 */
export function renumberName(text, from, to) {
  for (const [old, next] of [[from, to], [makeId(from), makeId(to)]]) {
    const rest = text.slice(old.length);
    // `form.debts.1` must not match `form.debts.10`.
    if (text.startsWith(old) && /^(?:$|[.:-])/.test(rest)) return next + rest;
  }
  return text;
}

/** Return the id of the widget with this name. @param {string} name */
export const makeId = (name) => `id-${name.replaceAll(".", "-")}`;

/**
 * Whether a row may be added or removed.
 * @param {number} rows
 * @param {{ least: number, most: number }} bounds
 */
export const checkRoom = (rows, { least, most }) => ({ add: rows < most, remove: rows > least });
