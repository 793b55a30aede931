// @ts-check
// Where a document's texts name a step, as `steps.<id>`: the browser's half of
// flows/graph/references.py.

/** @typedef {any} Json */
/** @typedef {{[key: string]: Json}} Doc */

const FLOW_PARTS = ["output"];
const STEP_PARTS = new Set(["with", "limit", "title", "compensate"]);
const TEST_ANSWERS = ["stubs", "decisions"];
const TEST_EXPECTATIONS = ["path", "not_path", "waits_at"];

/**
 * Rewrite every `steps.<old>`; see the Python half for `texts` and what is returned.
 * @param {Doc} document
 * @param {string} old
 * @param {string} to
 * @param {{[pointer: string]: [string, string]}} texts
 * @returns {[Doc, {[pointer: string]: [string, string]}]}
 */
export function renameReferences(document, old, to, texts) {
  /** @type {{[pointer: string]: [string, string]}} */
  const lasting = {};
  /** @param {string} value @param {string} pointer */
  const swap = (value, pointer) => {
    const given = Object.hasOwn(texts, pointer) ? texts[pointer] : null;
    const changed = given && given[0] === value ? given[1] : rewrite(value, pointer, old, to);
    if (rewrite(changed, pointer, to, old) !== value) lasting[pointer] = [changed, value];
    return changed;
  };
  /** @type {Doc} */
  const steps = {};
  for (const [id, step] of Object.entries(document.steps)) {
    const base = id === to ? "/step" : `/steps/${id}`;
    const entries = Object.entries(step).map(([key, value]) => [
      key, STEP_PARTS.has(key) ? mapped(value, `${base}/${key}`, swap) : value,
    ]);
    steps[id] = entries.some(([key, value]) => step[key] !== value) ? Object.fromEntries(entries) : step;
  }
  const changed = { ...document, steps };
  for (const key of FLOW_PARTS) {
    if (key in document) changed[key] = mapped(document[key], `/${key}`, swap);
  }
  return [changed, lasting];
}

/** @param {string} value @param {string} pointer @param {string} old @param {string} to */
function rewrite(value, pointer, old, to) {
  if (/^\/step(s\/[^/]+)?\/compensate$/.test(pointer)) return value === old ? to : value;
  const name = old.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`\\bsteps(\\.|\\[["'])${name}\\b`, "g");
  return value.replace(pattern, (_found, between) => `steps${between}${to}`);
}

/** @param {Json} value @param {string} pointer @param {(text: string, pointer: string) => string} swap @returns {Json} */
function mapped(value, pointer, swap) {
  if (typeof value === "string") return swap(value, pointer);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    const items = value.map((each, i) => mapped(each, `${pointer}/${i}`, swap));
    return items.some((each, i) => each !== value[i]) ? items : value;
  }
  const entries = Object.entries(value).map(([key, each]) => [
    key, mapped(each, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, swap),
  ]);
  return entries.some(([key, each]) => value[key] !== each) ? Object.fromEntries(entries) : value;
}

/**
 * A flow's tests with the step's name changed; see the Python half.
 * @param {Json} tests @param {string} old @param {string} to @returns {Json}
 */
export function renameInTests(tests, old, to) {
  return Array.isArray(tests) ? tests.map((test) => (isObject(test) ? renamedTest(test, old, to) : test)) : tests;
}

/** @param {Doc} test @param {string} old @param {string} to @returns {Doc} */
function renamedTest(test, old, to) {
  const changed = { ...test };
  for (const part of TEST_ANSWERS) {
    const answers = test[part];
    if (!isObject(answers) || !Object.hasOwn(answers, old)) continue;
    const others = Object.entries(answers).filter(([key]) => key !== to);
    changed[part] = Object.fromEntries(others.map(([key, value]) => [key === old ? to : key, value]));
  }
  if (isObject(test.expect)) {
    const entries = Object.entries(test.expect);
    changed.expect = Object.fromEntries(entries.map(([key, value]) => [key, TEST_EXPECTATIONS.includes(key) ? renamedNames(value, old, to) : value]));
  }
  return changed;
}

/** @param {Json} value @param {string} old @param {string} to */
function renamedNames(value, old, to) {
  if (Array.isArray(value)) return value.map((each) => (each === old ? to : each));
  return value === old ? to : value;
}

/** @param {Json} value @returns {value is Doc} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
