// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { countSecondsLeft } from "../../../../static/reviews/case/undo.js";

test("the seconds to undo are whole and never negative", () => {
  assert.equal(countSecondsLeft(10_000, 5_400), 5);
  assert.equal(countSecondsLeft(10_000, 12_000), 0);
});
