// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { fitOf, zoomOf } from "../../../static/reviews/zoom.js";

test("zoom goes by steps and stays within them", () => {
  assert.equal(zoomOf(1, 1), 1.25);
  assert.equal(zoomOf(1, -1), 0.8);
  assert.equal(zoomOf(3, 1), 3);
  assert.equal(zoomOf(0.5, -1), 0.5);
});

test("a page fills the room but is not blown up", () => {
  assert.equal(fitOf(600, 300), 0.5);
  assert.equal(fitOf(100, 900), 2);
  assert.equal(fitOf(0, 300), 1);
});
