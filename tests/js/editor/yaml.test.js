// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { fromText, toText } from "../../../frontend/editor/src/doc/clipboard.js";
import { NumberTooLarge, holdsRounded, readYaml } from "../../../frontend/editor/src/doc/yaml.js";

const { vectors } = JSON.parse(readFileSync(new URL("../../vectors/yaml/scalars.json", import.meta.url), "utf8"));

for (const vector of vectors) {
  test(`the canvas reads \`${vector.text}\` as the server does`, () => {
    if (vector.refused || vector.canvas) assert.throws(() => readYaml(`a: ${vector.text}\n`));
    else assert.deepEqual(readYaml(`a: ${vector.text}\n`), { a: vector.value });
  });
}

test("what was copied is pasted as it was", () => {
  const values = vectors.filter((/** @type {any} */ v) => !v.refused && !v.canvas && !Object.is(v.value, -0)).map((/** @type {any} */ v) => v.value);
  const clipped = { steps: { a: { type: "transform", with: { values, texts: vectors.map((/** @type {any} */ v) => v.text) } } }, edges: [], layout: {}, notes: {}, groups: {} };
  assert.deepEqual(fromText(toText(clipped)), clipped);
});

test("a number that would be rounded is refused and not rounded", () => {
  assert.throws(() => fromText("steps: {a: {type: transform, with: {limit: 9007199254740993}}}"), NumberTooLarge);
  assert.equal(holdsRounded({ steps: { a: { with: [1, 2 ** 53] } } }), true);
  assert.equal(holdsRounded({ steps: { a: { with: [1.5, null, "9007199254740993", 2 ** 53 - 1] } } }), false);
});

const HOSTILE = {
  brackets: "[".repeat(200_000), "closed brackets": "[".repeat(100_000) + "]".repeat(100_000), braces: "{a: ".repeat(100_000),
  sequences: "- ".repeat(200_000), "explicit keys": "? ".repeat(200_000), numbers: `[${"1,".repeat(400_000)}]`,
  mappings: Array.from({ length: 1000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join(""),
  "a long text": "a".repeat(1_000_001), aliases: `- &a b\n${"- *a\n".repeat(190_000)}`,
};

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`a pasted text of ${name} is refused before it costs anything`, () => {
    const began = performance.now();
    assert.throws(() => readYaml(text));
    assert.ok(performance.now() - began < 3000);
  });
}
