// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { renamed, room } from "../../../static/reviews/row-names.js";

test("what belongs to a row that moved is called by its new number", () => {
  assert.equal(renamed("form.debts.1.lender", "form.debts.1", "form.debts.0"), "form.debts.0.lender");
  assert.equal(renamed("form.debts.1", "form.debts.1", "form.debts.0"), "form.debts.0");
  assert.equal(
    renamed("id-form-debts-new-rate-problem", "form.debts.new", "form.debts.2"),
    "id-form-debts-2-rate-problem",
  );
});

test("what belongs to another row keeps its name", () => {
  assert.equal(renamed("form.debts.10.lender", "form.debts.1", "form.debts.0"), "form.debts.10.lender");
  assert.equal(renamed("form.debts.rows", "form.debts.1", "form.debts.0"), "form.debts.rows");
});

test("rows stay between the least and the most that are asked for", () => {
  assert.deepEqual(room(1, { least: 1, most: 2 }), { add: true, remove: false });
  assert.deepEqual(room(2, { least: 1, most: 2 }), { add: false, remove: true });
});
