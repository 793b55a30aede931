import assert from "node:assert/strict";
import test from "node:test";

import { stretch } from "../../../../static/reviews/case/words.js";

test("a word is stretched to its width on the page, whatever the size of the page", () => {
  // Letters as high as a fiftieth of the page, 4 of them wide, on a page twice as high as wide.
  assert.equal(stretch(4, 0.02, 0.16, 0.5), 1);
  assert.equal(stretch(4, 0.02, 0.32, 0.5), 2);
});

test("what has no width is not stretched", () => {
  assert.equal(stretch(0, 0.02, 0.16, 0.5), 1);
});
