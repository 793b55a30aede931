// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  findWordAt,
  findWords,
  joinAt,
  listWords,
  moveAt,
  readAs,
  resizeAt,
  spanAt,
  stepWords,
} from "../../../../static/reviews/case/place.js";

/** @type {import("../../../../static/reviews/case/words.js").PageWords} */
const page = {
  number: 1,
  turned: 0,
  skew: 0,
  lines: [
    { at: [0.1, 0.1, 0.5, 0.02], words: [["Net", 0.1, 0.1], ["pay", 0.25, 0.1], ["3,020.00", 0.4, 0.2]] },
    { at: [0.1, 0.2, 0.2, 0.02], words: [["Total", 0.1, 0.2]] },
  ],
};

test("a place is drawn from any corner, and ends at the page's edge", () => {
  assert.deepEqual(spanAt({ x: 0.5, y: 0.4 }, { x: 0.2, y: 0.1 }), [0.2, 0.1, 0.3, 0.3]);
  assert.deepEqual(spanAt({ x: 0.8, y: 0.9 }, { x: 1.4, y: 2 }), [0.8, 0.9, 0.2, 0.1]);
});

test("a place is moved as far as the edge, and keeps its size", () => {
  assert.deepEqual(moveAt([0.1, 0.1, 0.3, 0.2], 0.9, -0.5), [0.7, 0, 0.3, 0.2]);
});

test("an edge that is moved stops before the opposite one", () => {
  assert.deepEqual(resizeAt([0.2, 0.2, 0.2, 0.2], "se", 0.1, 0.05), [0.2, 0.2, 0.3, 0.25]);
  const [left, , width] = resizeAt([0.2, 0.2, 0.2, 0.2], "w", 0.5, 0);
  assert.ok(left < 0.4 && width > 0);
  assert.deepEqual(resizeAt([0.2, 0.2, 0.2, 0.2], "n", 0, -0.5), [0.2, 0, 0.2, 0.4]);
});

test("words are found in a place, at a point, and one after the other", () => {
  const words = listWords(page);
  assert.deepEqual(words.map(({ text }) => text), ["Net", "pay", "3,020.00", "Total"]);
  assert.deepEqual(findWords(words, [0.31, 0.05, 0.4, 0.1]), [2]);
  assert.deepEqual(findWords(words, [0, 0, 1, 1]), [0, 1, 2, 3]);
  assert.equal(findWordAt(words, { x: 0.3, y: 0.11 }), 1);
  assert.equal(findWordAt(words, { x: 0.9, y: 0.9 }), -1);
  assert.deepEqual(stepWords([], 4, 1, false), [0, 0]);
  assert.deepEqual(stepWords([1], 4, 1, false), [2, 2]);
  assert.deepEqual(stepWords([1], 4, 1, true), [1, 2]);
  assert.deepEqual(stepWords([1, 2], 4, -1, true), [1, 1]);
  assert.deepEqual(stepWords([3], 4, 1, false), [3, 3]);
  assert.deepEqual(joinAt([words[0].at, words[2].at]), [0.1, 0.1, 0.5, 0.02]);
});

test("a number is read as it is written in either way, and not where it could be two", () => {
  assert.equal(readAs("3,020.00 DM", "number"), "3020.00");
  assert.equal(readAs("3.020,50 €", "number"), "3020.50");
  assert.equal(readAs("12,5", "number"), "12.5");
  assert.equal(readAs("3,020", "number"), "3020");
  assert.equal(readAs("1.234.567", "number"), "1234567");
  assert.equal(readAs("−40", "number"), "-40");
  assert.equal(readAs("3 020.00", "number"), "3020.00");
  assert.equal(readAs("3.020", "number"), null);
  assert.equal(readAs("Total", "number"), null);
  assert.equal(readAs("3 x 20", "number"), null);
});

test("a date is read unless it could be two", () => {
  assert.equal(readAs("dated 2026-10-01", "date"), "2026-10-01");
  assert.equal(readAs("1.10.2026", "date"), "2026-10-01");
  assert.equal(readAs("13/04/2026", "date"), "2026-04-13");
  assert.equal(readAs("04/13/2026", "date"), "2026-04-13");
  assert.equal(readAs("03/04/2026", "date"), null);
  assert.equal(readAs(" B. Ahlers ", "text"), "B. Ahlers");
});
