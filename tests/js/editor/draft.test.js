// @ts-check
import assert from "node:assert/strict";
import test from "node:test";

import { Draft } from "../../../frontend/editor/src/doc/draft.js";
import { findBridges, chooseFreeName, insertOnEdge, paste, remove, routeError } from "../../../frontend/editor/src/doc/edits.js";
import { fromText, toText } from "../../../frontend/editor/src/doc/clipboard.js";
import { OperationRefused, apply, normalForm, same } from "../../../frontend/editor/src/doc/operations/index.js";
import { refuseEdge, orderSteps } from "../../../frontend/editor/src/doc/rules.js";
import { Sync } from "../../../frontend/editor/src/live/sync.js";
import { randomOperation, seeded } from "./random.js";

// `make chaos-editor` makes 100,000.
const EDITS = Number(process.env.MODEL_OPERATIONS ?? 20_000);

const loan = () => normalForm({
  name: "loan",
  steps: { score: { type: "transform" }, route: { type: "branch" }, review: { type: "review.case" } },
  edges: ["score.done -> route", "route.unsure -> review"],
  layout: { score: [0, 0], route: [336, 0], review: [672, 0] },
});

/** The server's part, in memory: one order, each id once. */
class Server {
  constructor(/** @type {any} */ document) {
    this.document = document;
    /** @type {any[]} */
    this.log = [];
    /** @type {Map<string, number>} */
    this.revisions = new Map();
  }

  /** @param {any} body */
  post({ since, operations }) {
    const results = operations.map(({ client_id, op }) => {
      const known = this.revisions.get(client_id);
      if (known) return { client_id, status: "applied", revision: known };
      try {
        [this.document] = apply(this.document, op);
      } catch (error) {
        if (!(error instanceof OperationRefused)) throw error;
        return { client_id, status: "refused", code: error.code, message: error.message, remedy: error.remedy, current: error.current };
      }
      this.log.push({ revision: this.log.length + 1, client_id, op });
      this.revisions.set(client_id, this.log.length);
      return { client_id, status: "applied", revision: this.log.length };
    });
    return { operations: this.log.slice(since), results, revision: this.log.length };
  }
}

/** @param {Server} server @param {string} name */
function browser(server, name) {
  let count = 0;
  return new Draft({ document: server.document, revision: server.log.length }, () => `${name}${(count += 1)}`);
}

test(`after ${EDITS} edits two browsers that lose answers end on the server's document, and nothing acknowledged is lost`, () => {
  const random = seeded(3);
  const server = new Server(loan());
  const pair = [browser(server, "a"), browser(server, "b")];
  const acknowledged = new Set();
  for (let round = 0; round < EDITS / 2; round += 1) {
    for (const draft of pair) {
      try {
        if (random() < 0.1) draft.undo();
        else if (random() < 0.05) draft.redo();
        else draft.edit(randomOperation(random, draft.document));
      } catch (error) {
        if (!(error instanceof OperationRefused)) throw error;
      }
      const fate = random();
      if (fate < 0.5) continue; // nothing is sent yet
      const answer = server.post({ since: draft.revision, operations: draft.pending.slice(0, 20) });
      if (fate < 0.65) continue; // the answer is lost: the same is sent again
      for (const each of answer.results) if (each.status === "applied") acknowledged.add(each.client_id);
      assert.ok(draft.receive(JSON.parse(JSON.stringify(answer))));
    }
  }
  for (const draft of [...pair, ...pair]) {
    while (draft.pending.length) draft.receive(server.post({ since: draft.revision, operations: draft.pending }));
    draft.receive(server.post({ since: draft.revision, operations: [] }));
  }
  for (const draft of pair) {
    assert.ok(same(draft.document, server.document));
    assert.ok(same(draft.base, server.document));
  }
  const kept = new Set(server.log.map((each) => each.client_id));
  assert.ok(acknowledged.size > EDITS * 0.3);
  for (const id of acknowledged) assert.ok(kept.has(id));
});

test("undo of everything gives the start, and redo of everything the end", () => {
  const random = seeded(11);
  const draft = new Draft({ document: loan(), revision: 0 });
  for (let i = 0; i < 3000; i += 1) {
    try {
      draft.edit(randomOperation(random, draft.document));
    } catch (error) {
      if (!(error instanceof OperationRefused)) throw error;
    }
  }
  const end = draft.document;
  while (draft.undo() !== null);
  assert.ok(same(draft.document, loan()));
  while (draft.redo() !== null);
  assert.ok(same(draft.document, end));
});

test("undo leaves alone what someone else wrote since", () => {
  const draft = new Draft({ document: loan(), revision: 0 }, () => "mine");
  draft.edit({ op: "set_field", step: "score", path: "/title", value: "Mine" });
  draft.receive({ operations: [{ revision: 1, client_id: "mine", op: draft.pending[0].op }] });
  draft.receive({ operations: [{ revision: 2, client_id: "theirs", op: { op: "set_field", step: "score", path: "/title", value: "Theirs" } }] });
  assert.throws(() => draft.undo(), { code: "field_changed" });
  assert.equal(draft.document.steps.score.title, "Theirs");
});

test("a refused edit is taken back, and kept as a conflict with both values", () => {
  const draft = new Draft({ document: loan(), revision: 0 }, () => "mine");
  draft.edit({ op: "set_field", step: "score", path: "/title", value: "Mine", old: null });
  draft.receive({
    operations: [{ revision: 1, client_id: "t", op: { op: "set_field", step: "score", path: "/title", value: "Theirs" } }],
    results: [{ client_id: "mine", status: "refused", code: "field_changed", message: "m", remedy: "r", current: "Theirs" }],
  });
  assert.equal(draft.document.steps.score.title, "Theirs");
  assert.deepEqual([draft.conflicts[0].op.value, draft.conflicts[0].current], ["Mine", "Theirs"]);
  assert.equal(draft.undo(), null);
});

test("edits that closely follow one another are undone together", () => {
  const draft = new Draft({ document: loan(), revision: 0 });
  for (const x of [16, 32, 48]) draft.edit({ op: "move", steps: { score: [x, 0] } }, { merge: "nudge", now: x });
  draft.undo();
  assert.deepEqual(draft.document.layout.score, [0, 0]);
  draft.redo();
  assert.deepEqual(draft.document.layout.score, [48, 0]);
});

test("what could not be sent is kept, and sent again in order under the same ids", async () => {
  const kept = new Map();
  const storage = /** @type {any} */ ({ getItem: (/** @type {string} */ k) => kept.get(k) ?? null, setItem: (/** @type {string} */ k, /** @type {string} */ v) => kept.set(k, v), removeItem: (/** @type {string} */ k) => kept.delete(k) });
  const server = new Server(loan());
  let up = false;
  const ask = /** @type {any} */ (async (/** @type {string} */ _url, /** @type {any} */ init) => {
    if (!up) throw new TypeError("offline");
    const answer = init.body ? server.post(JSON.parse(init.body)) : server.post({ since: 0, operations: [] });
    return { ok: true, json: async () => JSON.parse(JSON.stringify(answer)) };
  });
  const urls = { draft: "d", send: "s", operations: "o" };
  const before = new Draft({ document: loan(), revision: 0 });
  const first = new Sync(before, urls, "k", { fetch: ask, storage, csrf: () => "" });
  before.edit({ op: "set_flow", path: "/title", value: "One" });
  before.edit({ op: "set_flow", path: "/title", value: "Two" });
  first.failures = 2;
  assert.equal(first.state().text, "Offline: 2 changes wait");
  await new Promise((done) => setTimeout(done, 20));
  clearTimeout(first.timer);
  first.stopped = "gone"; // the tab is closed
  up = true;
  const after = new Draft({ document: loan(), revision: 0 });
  const second = new Sync(after, urls, "k", { fetch: ask, storage, csrf: () => "" });
  assert.equal(after.document.title, "Two");
  await second.flush();
  assert.deepEqual(server.log.map((each) => each.op.value), ["One", "Two"]);
  assert.equal(second.state().text, "All changes saved");
  assert.equal(kept.size, 0);
});

test("a step removed from a chain leaves a chain; a fork leaves no guess", () => {
  const document = loan();
  assert.deepEqual(findBridges(document, ["route"]), ["score.done -> review"]);
  const forked = apply(document, { op: "connect", edge: "route.clear -> score" })[0];
  assert.deepEqual(findBridges(forked, ["route"]), []);
  const removed = remove(document, { steps: ["route"] });
  assert.deepEqual(apply(document, /** @type {any} */ (removed).op)[0].edges, ["score.done -> review"]);
});

test("a step put on an edge is joined on both sides and is given room", () => {
  const made = insertOnEdge(loan(), () => ["done"], { name: "http.request", title: "Ask", ports: ["done"] }, "score.done -> route");
  const [document] = apply(loan(), made.op);
  assert.deepEqual(document.edges.slice(-2), ["score.done -> request", "request.done -> route"]);
  assert.ok(document.layout.route[0] >= document.layout.request[0] + 240);
});

test("what is copied as text comes back under free names, its expressions with it", () => {
  const start = apply(loan(), { op: "set_field", step: "route", path: "/with", value: { when: "steps.score.output > 1" } })[0];
  const text = toText({ steps: { score: start.steps.score, route: start.steps.route }, edges: ["score.done -> route"], layout: { score: [0, 0] } });
  const made = paste(start, /** @type {any} */ (fromText(text)), null);
  const [document] = apply(start, /** @type {any} */ (made).op);
  assert.equal(document.steps.route_2.with.when, "steps.score_2.output > 1");
  assert.ok(document.edges.includes("score_2.done -> route_2"));
  assert.equal(fromText("just words about steps"), null);
});

test("rules say in words why an edge may not be", () => {
  const document = loan();
  assert.equal(refuseEdge(document, ["done"], "score", "done", "review"), null);
  assert.match(refuseEdge(document, ["done"], "score", "done", "route") ?? "", /already/);
  assert.match(refuseEdge(document, [], "score", "done", "route") ?? "", /ends a path/);
  assert.match(refuseEdge(document, ["done"], "score", "done", "score") ?? "", /limit/);
  assert.deepEqual(orderSteps(document), ["score", "route", "review"]);
  assert.equal(chooseFreeName(["a", "a_2"], "a"), "a_3");
});

test("a step's errors are led to one step, to another, and to none again", () => {
  let document = loan();
  const route = (/** @type {string} */ to) => { const op = routeError(document, "score", to); if (op) [document] = apply(document, op); return op; };
  route("review");
  assert.ok(document.edges.includes("score.error -> review"));
  assert.equal(route("review"), null);
  [document] = apply(document, { op: "connect", edge: "score.error -> score" });
  route("route");
  assert.deepEqual(document.edges.filter((/** @type {string} */ edge) => edge.startsWith("score.error")), ["score.error -> route"]);
  route("");
  assert.ok(same(document, loan()));
});
