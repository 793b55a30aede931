// @ts-check
// Renaming a step where a document's texts name it, as `steps.<id>`: the browser's half of
// flows/graph/references.py.

/** @typedef {any} Json */
/** @typedef {{[key: string]: Json}} Doc */

const FLOW_PARTS = ["output"];
const STEP_PARTS = new Set(["with", "limit", "title", "compensate"]);
const TEST_ANSWERS = ["stubs", "decisions"];
const TEST_EXPECTATIONS = ["path", "not_path", "waits_at"];

/**
 * The document with `steps.<old>` and compensations renamed, and `texts` for the undo; the Python
 * half says more of them.
 * @param {Doc} document
 * @param {string} old
 * @param {string} to
 * @param {{[pointer: string]: [string, string]}} texts
 * @returns {[Doc, {[pointer: string]: [string, string]}]}
 */
export function renameReferences(document, old, to, texts) {
  /** @type {{[pointer: string]: [string, string]}} */
  const kept = {};
  /** @param {string} value @param {string} pointer */
  const rename = (value, pointer) => {
    const given = Object.hasOwn(texts, pointer) ? texts[pointer] : null;
    const changed = given && given[0] === value ? given[1] : rewrite(value, pointer, old, to);
    if (rewrite(changed, pointer, to, old) !== value) kept[pointer] = [changed, value];
    return changed;
  };
  /** @type {Map<string, Json>} */
  const steps = new Map();
  for (const [id, step] of Object.entries(document.steps)) {
    const place = id === to ? "/step" : `/steps/${id}`;
    const entries = Object.entries(step).map(([key, value]) => [
      key, STEP_PARTS.has(key) ? mapTexts(value, `${place}/${key}`, rename) : value,
    ]);
    steps.set(id, entries.some(([key, value]) => step[key] !== value) ? Object.fromEntries(entries) : step);
  }
  const changed = { ...document, steps: Object.fromEntries(steps) };
  for (const key of FLOW_PARTS) {
    if (key in document) changed[key] = mapTexts(document[key], `/${key}`, rename);
  }
  return [changed, kept];
}

/** The text at the pointer with the step renamed. @param {string} value @param {string} pointer @param {string} old @param {string} to */
function rewrite(value, pointer, old, to) {
  if (/^\/step(s\/[^/]+)?\/compensate$/.test(pointer)) return value === old ? to : value;
  const name = old.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`\\bsteps(\\.|\\[["'])${name}\\b`, "g");
  return value.replace(pattern, (_found, between) => `steps${between}${to}`);
}

/** A copy of the value with `change` done to each text in it. @param {Json} value @param {string} pointer @param {(text: string, pointer: string) => string} change @returns {Json} */
function mapTexts(value, pointer, change) {
  if (typeof value === "string") return change(value, pointer);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    const items = value.map((each, i) => mapTexts(each, `${pointer}/${i}`, change));
    return items.some((each, i) => each !== value[i]) ? items : value;
  }
  const entries = Object.entries(value).map(([key, each]) => [
    key, mapTexts(each, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, change),
  ]);
  return entries.some(([key, each]) => value[key] !== each) ? Object.fromEntries(entries) : value;
}

/**
 * A flow's tests with the step renamed in what they stub, decide and expect.
 * @param {Json} tests @param {string} old @param {string} to @returns {Json}
 */
export function renameInTests(tests, old, to) {
  return Array.isArray(tests) ? tests.map((test) => (isObject(test) ? renameInTest(test, old, to) : test)) : tests;
}

/** @param {Doc} test @param {string} old @param {string} to @returns {Doc} */
function renameInTest(test, old, to) {
  const changed = { ...test };
  for (const part of TEST_ANSWERS) {
    const answers = test[part];
    if (!isObject(answers) || !Object.hasOwn(answers, old)) continue;
    const others = Object.entries(answers).filter(([key]) => key !== to);
    changed[part] = Object.fromEntries(others.map(([key, value]) => [key === old ? to : key, value]));
  }
  if (isObject(test.expect)) {
    const entries = Object.entries(test.expect);
    changed.expect = Object.fromEntries(entries.map(([key, value]) => [key, TEST_EXPECTATIONS.includes(key) ? renameNames(value, old, to) : value]));
  }
  return changed;
}

/** @param {Json} value @param {string} old @param {string} to */
function renameNames(value, old, to) {
  if (Array.isArray(value)) return value.map((each) => (each === old ? to : each));
  return value === old ? to : value;
}

/** @param {Json} value @returns {value is Doc} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
