// @ts-check
// The sums of the threshold lab, against the vectors that flows/lab/estimate.py is held to.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { estimate, computeWilsonInterval } from "../../../static/flows/lab-sums.js";

const vectors = JSON.parse(readFileSync(new URL("../../vectors/lab/cutoffs.json", import.meta.url), "utf8"));

for (const { at, ...expected } of vectors.expected) {
  test(`the sums at ${at} are those of the server`, () => {
    const made = /** @type {Record<string, number>} */ (estimate(vectors.data, at));
    for (const [name, value] of Object.entries(expected)) assert.ok(Math.abs(made[name] - value) < 1e-9, `${name}: ${made[name]} is not ${value}`);
  });
}

test("nothing counted says nothing", () => assert.deepEqual(computeWilsonInterval(0, 0), [0, 1]));
