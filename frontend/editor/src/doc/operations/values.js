// @ts-check
// JSON values: the types of this folder, comparing, and copies with one change.

/** @typedef {any} Json */
/** @typedef {{[key: string]: Json}} Doc */
/** @typedef {{op: string, [key: string]: Json}} Operation */
/** @typedef {(document: Doc, op: Operation) => [Doc, Operation]} Handler the changed document, and what undoes the change */

export const ABSENT = Symbol("absent");

/** @param {Json} value @returns {value is Doc} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The value that the mapping itself has at the key. People choose the keys: a step may be called
 * `constructor` or `__proto__`, which every object seems to have.
 * @param {Doc | null | undefined} mapping @param {string} key @returns {Json}
 */
export const own = (mapping, key) => (mapping != null && Object.hasOwn(mapping, key) ? mapping[key] : undefined);

/** Whether two JSON values are equal. @param {Json} one @param {Json} other @returns {boolean} */
export function same(one, other) {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, i) => same(each, other[i]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((k) => Object.hasOwn(other, k) && same(one[k], other[k]));
}

/** A copy of the list with the value at the index. @template T @param {T[]} values @param {T} value @param {number} index @returns {T[]} */
export const insert = (values, value, index) => [...values.slice(0, index), value, ...values.slice(index)];

/** A copy without the key. @param {Doc} values @param {string} key @returns {Doc} */
export function without(values, key) {
  const { [key]: _removed, ...rest } = values;
  return rest;
}

/** A copy with one key renamed, in its old place. @param {Doc} values @param {string} old @param {string} to @returns {Doc} */
export const renameKey = (values, old, to) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key === old ? to : key, value]));
