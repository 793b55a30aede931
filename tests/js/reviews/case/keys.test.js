// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { findAct, waitsFor } from "../../../../static/reviews/case/keys.js";

const idle = { typing: false, chosen: false, reasons: 0, outcomes: ["a", "x", "r"] };

test("A then Enter approves", () => {
  assert.deepEqual(findAct({ ...idle, key: "a" }), { kind: "outcome", key: "a" });
  assert.deepEqual(findAct({ ...idle, key: "Enter", chosen: true }), { kind: "send" });
});

test("Enter sends nothing before an outcome is chosen, nor from a link or button", () => {
  assert.equal(findAct({ ...idle, key: "Enter" }), null);
  assert.equal(findAct({ ...idle, key: "Enter", chosen: true, onControl: true }), null);
});

test("a digit is a reason only where the chosen outcome has that many", () => {
  assert.deepEqual(findAct({ ...idle, key: "2", chosen: true, reasons: 3 }), { kind: "reason", index: 1 });
  assert.equal(findAct({ ...idle, key: "4", chosen: true, reasons: 3 }), null);
  assert.equal(findAct({ ...idle, key: "1", reasons: 3 }), null);
});

test("letters that are typed are letters", () => {
  for (const key of ["a", "x", "n", "z", "1", "Enter"]) {
    assert.equal(findAct({ ...idle, key, typing: true, chosen: true, reasons: 3 }), null);
  }
  assert.deepEqual(findAct({ ...idle, key: "Escape", typing: true }), { kind: "leave" });
  assert.deepEqual(findAct({ ...idle, key: "Enter", ctrl: true, typing: true }), { kind: "send" });
});

test("with Ctrl a letter belongs to the browser", () => {
  assert.equal(findAct({ ...idle, key: "a", ctrl: true }), null);
});

test("an outcome that the flow does not offer has no key", () => {
  assert.equal(findAct({ ...idle, key: "r", outcomes: ["a", "x"] }), null);
});

test("keys in a hurry wait for the case that comes back, and never decide one that nobody has seen", () => {
  for (const key of ["x", "2", "Enter"]) assert.ok(waitsFor("undo", key));
  for (const key of ["a", "1", "Enter", "n"]) assert.ok(!waitsFor("other", key));
  assert.ok(waitsFor("other", "z"), "what was just sent can be undone");
  for (const key of ["j", "k", "g", "?", "Tab"]) assert.ok(!waitsFor("undo", key), "the frame has it");
});
