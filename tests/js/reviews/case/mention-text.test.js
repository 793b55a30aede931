// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { findMention, stepChoice, insertMention } from "../../../../static/reviews/case/mention-text.js";

test("an @ that begins a word names somebody", () => {
  assert.deepEqual(findMention("Ask @be", 7), { start: 4, typed: "be" });
  assert.deepEqual(findMention("@", 1), { start: 0, typed: "" });
  assert.deepEqual(findMention("(@ben.s", 7), { start: 1, typed: "ben.s" });
});

test("an address is no name, nor is what lies behind the caret", () => {
  assert.equal(findMention("mail ben@example", 16), null);
  assert.equal(findMention("Ask @ben now", 12), null);
  assert.deepEqual(findMention("Ask @be now", 7), { start: 4, typed: "be" });
});

test("the name takes the place of what was typed, and one writes on behind it", () => {
  assert.deepEqual(insertMention("Ask @be", 4, 7, "ben"), { text: "Ask @ben ", caret: 9 });
  assert.deepEqual(insertMention("Ask @be now", 4, 7, "ben"), { text: "Ask @ben now", caret: 9 });
});

test("the choice goes round", () => {
  assert.equal(stepChoice(0, -1, 3), 2);
  assert.equal(stepChoice(2, 1, 3), 0);
});
