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
    return { ok: answer < 400, status: answer, json: async () => ({ message: "ben holds this case." }) };
  };
  let refused = 0;
  const [form, sending, line] = /** @type {any[]} */ ([{}, post, state]);
  const draft = new Draft(form, "/draft/", sending, line, undefined, () => (refused += 1));
  return { draft, state, sent: () => sent, refused: () => refused };
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

test("a draft that is refused says why, and is not tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { draft, state, sent, refused } = drafting([409]);
  await draft.save();
  assert.equal(state.textContent, "Not saved. ben holds this case.");
  assert.equal(refused(), 1);
  t.mock.timers.tick(5000);
  await new Promise(setImmediate);
  assert.equal(sent(), 1);
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
