// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkRoom, renumberName } from "../../../../static/reviews/case/row-names.js";

test("what belongs to a row that moved is called by its new number", () => {
  assert.equal(renumberName("form.debts.1.lender", "form.debts.1", "form.debts.0"), "form.debts.0.lender");
  assert.equal(renumberName("form.debts.1:was", "form.debts.1", "form.debts.0"), "form.debts.0:was");
  assert.equal(renumberName("form.debts.1", "form.debts.1", "form.debts.0"), "form.debts.0");
  assert.equal(
    renumberName("id-form-debts-new-rate-problem", "form.debts.new", "form.debts.2"),
    "id-form-debts-2-rate-problem",
  );
});

test("what belongs to another row keeps its name", () => {
  assert.equal(renumberName("form.debts.10.lender", "form.debts.1", "form.debts.0"), "form.debts.10.lender");
  assert.equal(renumberName("form.debts.rows", "form.debts.1", "form.debts.0"), "form.debts.rows");
});

test("rows stay between the least and the most that are asked for", () => {
  assert.deepEqual(checkRoom(1, { least: 1, most: 2 }), { add: true, remove: false });
  assert.deepEqual(checkRoom(2, { least: 1, most: 2 }), { add: false, remove: true });
});
