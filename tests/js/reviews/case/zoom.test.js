// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { fitWidth, stepZoom } from "../../../../static/reviews/case/zoom.js";

test("zoom goes by steps and stays within them", () => {
  assert.equal(stepZoom(1, 1), 1.25);
  assert.equal(stepZoom(1, -1), 0.8);
  assert.equal(stepZoom(3, 1), 3);
  assert.equal(stepZoom(0.5, -1), 0.5);
});

test("a page fills the room but is not blown up", () => {
  assert.equal(fitWidth(600, 300), 0.5);
  assert.equal(fitWidth(100, 900), 2);
  assert.equal(fitWidth(0, 300), 1);
});
