// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { fold } from "../../../frontend/editor/src/doc/folding.js";

const PAIRS = [
  ["Straße", "STRASSE"], ["Müller", "mu\u0308ller"], ["Müller", "muller"], ["İstanbul", "istanbul"], ["DIŞ", "d\u0131ş"],
  ["ﬁnance", "FINANCE"], ["\uff21\uff22\uff11", "ab1"], ["ΟΔΟΣ", "οδός"], ["\u1fb3", "ΑΙ"], ["Ⅷ", "viii"],
];

test("ways of writing the same are one", () => {
  for (const [one, other] of PAIRS) assert.equal(fold(one), fold(other));
});

test("other words stay apart", () => {
  for (const [one, other] of [["が", "か"], ["ø", "o"]]) assert.notEqual(fold(one), fold(other));
});

test("what is folded does not change again, in any case or form", () => {
  for (let code = 0; code < 0x3000; code += 1) {
    const character = String.fromCodePoint(code);
    const folded = fold(character);
    for (const way of [folded, character.toUpperCase(), character.toLowerCase(), character.normalize("NFD"), character.normalize("NFKC")]) {
      assert.equal(fold(way), folded, `U+${code.toString(16)}`);
    }
  }
});
