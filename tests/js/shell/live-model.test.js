// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Sequences, Spacing, collectGroups, computeRetryMs } from "../../../static/shell/live-model.js";

test("groups are gathered from all elements, once each", () => {
  assert.deepEqual(collectGroups(["run.12 runs", null, "", "  runs\n queue.a "]), ["queue.a", "run.12", "runs"]);
  assert.deepEqual(collectGroups([]), []);
});

test("retries double, stay under the cap and are spread", () => {
  assert.equal(computeRetryMs(1, 1), 500);
  assert.equal(computeRetryMs(1, 0), 250);
  assert.equal(computeRetryMs(4, 1), 4000);
  assert.equal(computeRetryMs(50, 1), 15_000);
  for (let failures = 1; failures < 12; failures += 1) {
    const wait = computeRetryMs(failures, Math.random());
    assert.ok(wait >= 250 && wait <= 15_000);
  }
});

test("a number that was jumped over is a gap; the first one and a late one are not", () => {
  const seen = new Sequences();
  assert.equal(seen.sees("run.1", 5), false);
  assert.equal(seen.sees("run.1", 6), false);
  assert.equal(seen.sees("run.1", 9), true);
  assert.equal(seen.sees("run.1", 7), false);
  assert.equal(seen.sees("run.1", 10), false);
  assert.equal(seen.sees("run.2", 1), false);
  assert.equal(seen.sees("run.1", undefined), false);
});

test("the first event of a group fires at once, the next ones merge into one a tenth of a second", () => {
  const spacing = new Spacing();
  assert.equal(spacing.ask("runs", 1000), 0);
  assert.equal(spacing.ask("runs", 1030), 70);
  assert.equal(spacing.ask("runs", 1050), null);
  assert.equal(spacing.ask("run.1", 1050), 0);
  spacing.markFired("runs", 1100);
  assert.equal(spacing.ask("runs", 1150), 50);
  spacing.markFired("runs", 1200);
  assert.equal(spacing.ask("runs", 1400), 0);
});
