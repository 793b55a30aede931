// @ts-check
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { OperationRefused, apply, normalForm, same } from "../../../frontend/editor/src/doc/operations/index.js";
import { randomOperation, seeded } from "./random.js";

const folder = new URL("../../vectors/operations/", import.meta.url);
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")).vectors);

for (const vector of vectors) {
  test(`vector: ${vector.name}`, () => {
    const before = JSON.stringify(vector.start);
    if (vector.refused) {
      assert.throws(() => apply(vector.start, vector.operation), { code: vector.refused });
    } else {
      const [result, inverse] = apply(vector.start, vector.operation);
      assert.deepEqual(result, vector.result);
      assert.deepEqual(inverse, vector.inverse);
      assert.deepEqual(apply(result, inverse)[0], normalForm(vector.start));
    }
    assert.equal(JSON.stringify(vector.start), before);
  });
}

test("undo of 100,000 operations gives the start", () => {
  const start = normalForm(vectors[0].start);
  const random = seeded(7);
  let document = start;
  let count = 0;
  /** @type {any[]} */
  let inverses = [];
  while (count < 100_000) {
    try {
      const [changed, inverse] = apply(document, randomOperation(random, document));
      document = changed;
      inverses.push(inverse);
      count += 1;
    } catch (error) {
      if (!(error instanceof OperationRefused)) throw error;
    }
  }
  while (inverses.length) [document] = apply(document, inverses.pop());
  assert.ok(same(document, start));
});
