// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { describeFailure } from "../../../static/shell/failures.js";
import { isTyping, findNextRow, parseKeys } from "../../../static/shell/keys.js";
import { placeMenu } from "../../../static/shell/menus.js";
import { findNextOption } from "../../../static/shell/palette.js";
import { formatAgo } from "../../../static/shell/times.js";

test("times are told in one unit, both ways", () => {
  const now = Date.parse("2026-03-10T10:00:00Z");
  const cases = /** @type {const} */ ([
    [-3, "just now"],
    [3, "just now"],
    [45, "45 s ago"],
    [60, "1 min ago"],
    [3599, "59 min ago"],
    [7300, "2 h ago"],
    [200_000, "2 d ago"],
    [-7300, "in 2 h"],
  ]);
  for (const [seconds, text] of cases) assert.equal(formatAgo(now - seconds * 1000, now), text);
});

test("a conflict and an invalid form speak for themselves; all else is told with what to do", () => {
  for (const status of [200, 204, 304, 409, 422]) assert.equal(describeFailure(status), null);
  for (const status of [null, 400, 401, 403, 404, 413, 418, 429, 500, 502, 504]) {
    const failure = describeFailure(status);
    assert.ok(failure?.title, String(status));
    assert.ok(failure.text.length > 20, String(status));
  }
  assert.match(describeFailure(null)?.text ?? "", /not saved/);
});

test("the palette's choice goes round", () => {
  assert.equal(findNextOption("ArrowDown", -1, 3), 0);
  assert.equal(findNextOption("ArrowDown", 2, 3), 0);
  assert.equal(findNextOption("ArrowUp", 0, 3), 2);
  assert.equal(findNextOption("ArrowUp", -1, 3), 2);
  assert.equal(findNextOption("PageDown", 0, 3), 2);
  assert.equal(findNextOption("ArrowDown", -1, 0), null);
  assert.equal(findNextOption("a", 0, 3), null);
});

test("J and K stay within the list", () => {
  assert.equal(findNextRow("j", -1, 3), 0);
  assert.equal(findNextRow("j", 2, 3), 2);
  assert.equal(findNextRow("k", 0, 3), 0);
  assert.equal(findNextRow("k", -1, 3), 2);
  assert.equal(findNextRow("j", -1, 0), null);
  assert.equal(findNextRow("x", 1, 3), null);
});

test("keys belong to a field that has the focus, and to the browser with a modifier", () => {
  const plain = { ctrlKey: false, metaKey: false, altKey: false };
  const inField = /** @type {any} */ ({ closest: (/** @type {string} */ s) => (s.includes("input") ? {} : null) });
  const onPage = /** @type {any} */ ({ closest: () => null });
  assert.equal(isTyping({ ...plain, target: inField }), true);
  assert.equal(isTyping({ ...plain, target: onPage }), false);
  assert.equal(isTyping({ ...plain, target: onPage, ctrlKey: true }), true);
  assert.equal(isTyping({ ...plain, target: onPage, isComposing: true }), true);
  assert.equal(isTyping({ ...plain, target: null }), false);
});

test("a page's keys are read from its JSON", () => {
  assert.deepEqual(parseKeys('[{"heading": "Review", "keys": [["Shift 1", "Fit"]]}]'), [
    { heading: "Review", keys: [{ keys: ["Shift", "1"], does: "Fit" }] },
  ]);
  assert.throws(() => parseKeys("<b>"));
});

test("a menu stays within the window", () => {
  const view = { width: 390, height: 800 };
  const menu = { width: 200, height: 300 };
  assert.deepEqual(placeMenu({ left: 10, right: 60, top: 10, bottom: 40 }, menu, view), { left: 10, top: 40 });
  assert.deepEqual(placeMenu({ left: 340, right: 380, top: 10, bottom: 40 }, menu, view), { left: 180, top: 40 });
  assert.deepEqual(placeMenu({ left: 10, right: 60, top: 700, bottom: 730 }, menu, view), { left: 10, top: 392 });
  assert.ok(placeMenu({ left: 0, right: 10, top: 0, bottom: 700 }, { width: 500, height: 900 }, view).left >= 8);
});
