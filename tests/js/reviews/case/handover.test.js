// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Handover } from "../../../../static/reviews/case/handover.js";

test("no key waits while no case is on its way", () => {
  const handover = new Handover();
  for (const key of ["a", "z", "Enter"]) assert.equal(handover.wants(key), false);
});

test("while a next case is on its way, only the undo of the last one waits", () => {
  const handover = new Handover();
  handover.begin("other");
  assert.equal(handover.wants("a"), false);
  assert.equal(handover.wants("z"), true);
});

test("keys that waited come out once, in the order in which they were pressed", () => {
  const handover = new Handover();
  handover.begin("undo");
  for (const key of ["x", "2", "Enter"]) {
    assert.equal(handover.wants(key), true);
    handover.keep(key);
  }
  assert.deepEqual(handover.end(), ["x", "2", "Enter"]);
  assert.deepEqual(handover.end(), []);
  assert.equal(handover.by, "");
});

test("a request that fails leaves no key behind for the case after", () => {
  const handover = new Handover();
  handover.begin("undo");
  handover.keep("x");
  handover.end();
  handover.begin("other");
  assert.deepEqual(handover.end(), []);
});
