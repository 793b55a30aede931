// @ts-check
// Fields by RFC 6901 pointer, such as `/with/cases/0/port`: find, set and remove them.

import { readText } from "./arguments.js";
import { OperationRefused, malformed } from "./refusals.js";
import { ABSENT, isObject, same, without } from "./values.js";

/** @typedef {import("./values.js").Json} Json */
/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */

/**
 * A copy of root with `op.path` set or, without `op.value`, removed; and `{path, value?}` that
 * undoes it.
 * @param {Doc} root @param {Operation} op @param {Set<string>} fields those of root that may be set
 * @returns {[Doc, Doc]}
 */
export function setAt(root, op, fields) {
  const path = readText(op, "path");
  const keys = parsePointer(path);
  if (!fields.has(keys[0])) {
    const remedy = `Set one of: ${[...fields].sort().join(", ")}.`;
    throw new OperationRefused("field_unknown", `The field \`${path}\` can't be set.`, remedy);
  }
  const isType = keys.length === 1 && keys[0] === "type" && fields.has("type");
  const removes = !("value" in op) || op.value === undefined;
  if (!removes && isType && typeof op.value !== "string") throw malformed("A step's `type` must be text.");
  const current = valueAt(root, keys);
  if ("old" in op) checkUnchanged(path, op.old, current === ABSENT ? null : current);
  if (removes && (current === ABSENT || isType)) {
    throw new OperationRefused("path_missing", `The field \`${path}\` can't be removed.`, "Set it instead.");
  }
  const undo = undoOfChange(root, keys);
  return [writeAt(root, keys, removes ? ABSENT : op.value, path), undo];
}

/** Refuse an edit whose author saw another value than the present one. @param {string} path @param {Json} old @param {Json} current */
function checkUnchanged(path, old, current) {
  if (same(old, current)) return;
  throw new OperationRefused(
    "field_changed",
    `Somebody else has changed \`${path}\` in the meantime.`,
    "Keep their value, or set yours again.",
    current,
  );
}

/** @param {string} path @returns {string[]} the pointer's keys */
function parsePointer(path) {
  if (!path.startsWith("/")) throw malformed(`\`${path}\` is not a pointer: a pointer starts with \`/\`.`);
  return path.slice(1).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The keys as a pointer. @param {string[]} keys */
export const formatPointer = (keys) =>
  keys.map((key) => "/" + key.replaceAll("~", "~0").replaceAll("/", "~1")).join("");

/** The value at the pointer, or undefined. @param {Json} root @param {string} path @returns {Json} */
export function lookUp(root, path) {
  const found = valueAt(root, parsePointer(path));
  return found === ABSENT ? undefined : found;
}

/** The value at the keys, or ABSENT. @param {Json} root @param {string[]} keys @returns {Json} */
function valueAt(root, keys) {
  for (const key of keys) {
    if (isObject(root) && Object.hasOwn(root, key)) root = root[key];
    else if (Array.isArray(root) && /^\d+$/.test(key) && Number(key) < root.length) root = root[Number(key)];
    else return ABSENT;
  }
  return root;
}

/**
 * `{path, value?}` that brings back the present value at the keys. Writing makes the objects on
 * the way: the undo removes the topmost of those it made.
 * @param {Doc} root @param {string[]} keys @returns {Doc}
 */
function undoOfChange(root, keys) {
  for (let depth = 1; depth <= keys.length; depth += 1) {
    if (valueAt(root, keys.slice(0, depth)) === ABSENT) return { path: formatPointer(keys.slice(0, depth)) };
  }
  return { path: formatPointer(keys), value: valueAt(root, keys) };
}

/**
 * A copy of root with the value at the keys, making objects on the way. ABSENT removes what is
 * there. `path` is the whole pointer, for messages.
 * @param {Json} root @param {string[]} keys @param {Json} value @param {string} path @returns {Json}
 */
function writeAt(root, [key, ...rest], value, path) {
  if (Array.isArray(root)) return writeInList(root, key, rest, value, path);
  if (!isObject(root)) {
    throw new OperationRefused(
      "path_missing", `\`${path}\` passes through a value that has no fields.`, "Set the field above it first.",
    );
  }
  if (rest.length) {
    return { ...root, [key]: writeAt(Object.hasOwn(root, key) ? root[key] : {}, rest, value, path) };
  }
  return value === ABSENT ? without(root, key) : { ...root, [key]: value };
}

/** A copy of the list with one item changed. Items are never added or removed. @param {Json[]} root @param {string} key @param {string[]} rest @param {Json} value @param {string} path */
function writeInList(root, key, rest, value, path) {
  if (!/^\d+$/.test(key) || Number(key) >= root.length || (value === ABSENT && !rest.length)) {
    throw new OperationRefused(
      "path_missing", `\`${path}\` does not name an item of its list that can be set.`, "Set the whole list.",
    );
  }
  const copy = [...root];
  copy[Number(key)] = rest.length ? writeAt(root[Number(key)], rest, value, path) : value;
  return copy;
}
