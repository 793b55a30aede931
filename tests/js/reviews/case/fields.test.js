// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { differs, findFirstField } from "../../../../static/reviews/case/fields.js";

test("F goes to the field one should doubt first", () => {
  assert.equal(findFirstField([0.99, null, 0.62, 0.8]), 2);
  assert.equal(findFirstField([null, null]), 0);
  assert.equal(findFirstField([]), -1);
});

test("a value is corrected only when more than the space around it changes", () => {
  assert.equal(differs("2,800", "3,000"), true);
  assert.equal(differs(" 3,000 ", "3,000"), false);
  assert.equal(differs("", undefined), false);
  assert.equal(differs("new", undefined), true);
});
