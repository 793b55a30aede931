// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft } from "../../../../static/reviews/case/draft.js";

globalThis.FormData = /** @type {any} */ (class {});

/** @param {(number | Error)[]} answers what the server says, in order */
function drafting(answers) {
  const state = { textContent: "" };
  let sent = 0;
  const post = async () => {
    const answer = answers[Math.min(sent, answers.length - 1)];
    sent += 1;
    if (answer instanceof Error) throw answer;
    return { ok: answer < 400, status: answer };
  };
  const draft = new Draft(/** @type {any} */ ({}), "/draft/", /** @type {any} */ (post), /** @type {any} */ (state));
  return { draft, state, sent: () => sent };
}

test("many keys make one draft, within a second", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { draft, state, sent } = drafting([200]);
  for (let key = 0; key < 5; key += 1) {
    draft.touch();
    t.mock.timers.tick(100);
  }
  assert.equal(sent(), 0);
  t.mock.timers.tick(500);
  await new Promise(setImmediate);
  assert.equal(sent(), 1);
  assert.equal(state.textContent, "Draft saved");
});

test("a draft that could not be saved says so and is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { draft, state, sent } = drafting([new Error("offline"), 200]);
  await draft.save();
  assert.match(state.textContent, /Not saved yet/);
  t.mock.timers.tick(500);
  await new Promise(setImmediate);
  assert.equal(sent(), 2);
  assert.equal(state.textContent, "Draft saved");
});

test("a draft that is being sent as the decision is not sent after it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { draft, sent } = drafting([200]);
  draft.touch();
  draft.stop();
  t.mock.timers.tick(5000);
  assert.equal(sent(), 0);
});

test("a page that goes away sends what waits", () => {
  const { draft, sent } = drafting([200]);
  draft.flush();
  assert.equal(sent(), 0);
  draft.touch();
  draft.flush();
  assert.equal(sent(), 1);
});
