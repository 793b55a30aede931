// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { addOpened } from "../../../../static/reviews/case/evidence.js";

test("what is opened is listed once, in the order in which it was opened", () => {
  assert.equal(addOpened("", "payslip"), "payslip");
  assert.equal(addOpened("payslip", "call"), "payslip call");
  assert.equal(addOpened("payslip call", "payslip"), null);
});

test("an id that begins like another one is another one", () => {
  assert.equal(addOpened("payslip-2", "payslip"), "payslip-2 payslip");
});
