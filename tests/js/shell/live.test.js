// @ts-check
// The connection against a socket and a page that this test drives.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

/** @type {FakeSocket[]} */
let sockets = [];
/** @type {any[]} */
let fired = [];
let wanted = ["run.1"];
const indicator = { dataset: { state: "none" } };

class FakeSocket extends EventTarget {
  static OPEN = 1;
  constructor() {
    super();
    this.readyState = 0;
    /** @type {any[]} */
    this.sent = [];
    sockets.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  /** @param {number} code */
  close(code = 1006) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  /** @param {unknown} message */
  brings(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }
}

const globals = /** @type {any} */ (globalThis);
globals.WebSocket = FakeSocket;
globals.document = {
  querySelectorAll: (/** @type {string} */ selector) =>
    selector === "[data-live]" ? wanted.map((name) => ({ getAttribute: () => name })) : [indicator],
  body: { dispatchEvent: (/** @type {any} */ event) => fired.push({ type: event.type, detail: event.detail }) },
  dispatchEvent: (/** @type {any} */ event) => fired.push({ type: event.type, detail: event.detail }),
};

// The mocked clock moves both.
performance.now = () => Date.now();

const { Live } = await import("../../../static/shell/live.js");

function listening() {
  const live = new Live("ws://test/live/");
  live.refresh();
  sockets[0].open();
  sockets[0].brings({ listening: wanted, refused: [] });
  // It asks once for what happened before it listened; the tests are about what comes after.
  mock.timers.tick(200);
  fired.length = 0;
  return live;
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  [sockets, fired, wanted] = [[], [], ["run.1"]];
});

test("a page without data-live opens no socket", () => {
  wanted = [];
  new Live("ws://test/live/").refresh();
  assert.equal(sockets.length, 0);
});

test("what happened before it listened is asked for once", () => {
  new Live("ws://test/live/").refresh();
  sockets[0].open();
  sockets[0].brings({ listening: wanted, refused: [] });
  assert.deepEqual(fired.map(({ type }) => type), ["live:run.1", "live:any"]);
  assert.equal(fired[0].detail.missed, true);
  sockets[0].brings({ listening: wanted, refused: [] });
  assert.equal(fired.length, 2);
});

test("a nudge becomes the event of its group and live:any", () => {
  listening();
  assert.deepEqual(sockets[0].sent, [{ listen: ["run.1"] }]);
  assert.equal(indicator.dataset.state, "live");
  assert.deepEqual(fired, []);
  sockets[0].brings({ group: "run.1", payload: { seq: 4 } });
  assert.deepEqual(fired.map(({ type }) => type), ["live:run.1", "live:any"]);
  assert.deepEqual(fired[0].detail, { seq: 4, group: "run.1", missed: false });
});

test("a burst fires once at once and once after, with what came last", () => {
  listening();
  for (const seq of [1, 2, 3, 4]) sockets[0].brings({ group: "run.1", payload: { seq } });
  assert.equal(fired.length, 2);
  mock.timers.tick(101);
  assert.equal(fired.length, 4);
  assert.equal(fired[2].detail.seq, 4);
});

test("what a swap brings in later is listened to as well", () => {
  const live = listening();
  wanted = ["run.1", "queue.a"];
  live.refresh();
  live.refresh();
  assert.deepEqual(sockets[0].sent.slice(1), [{ listen: ["queue.a", "run.1"] }]);
});

test("after a lost connection it comes back, says so, and asks for everything", () => {
  listening();
  sockets[0].close();
  assert.equal(indicator.dataset.state, "offline");
  mock.timers.tick(500);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ listen: ["run.1"] }]);
  sockets[1].brings({ listening: ["run.1"], refused: [] });
  assert.equal(indicator.dataset.state, "catching-up");
  assert.equal(fired[0].type, "live:run.1");
  assert.equal(fired[0].detail.missed, true);
  mock.timers.tick(600);
  assert.equal(indicator.dataset.state, "live");
});

test("twenty quiet seconds make it ask, and a dead line is left", () => {
  listening();
  mock.timers.tick(20_000);
  assert.equal(fired[0].detail.missed, true);
  assert.ok("ping" in sockets[0].sent[1]);
  mock.timers.tick(5_000);
  assert.equal(indicator.dataset.state, "offline");
  mock.timers.tick(500);
  assert.equal(sockets.length, 2);
});

test("a quiet line that answers stays, and asks again after the next quiet spell", () => {
  listening();
  for (const _ of [1, 2, 3]) {
    mock.timers.tick(20_000);
    sockets[0].brings({ pong: 1 });
  }
  assert.equal(sockets.length, 1);
  assert.equal(fired.filter(({ type }) => type === "live:run.1").length, 3);
});

test("the end of the session is told, and not tried again", () => {
  listening();
  sockets[0].close(4401);
  assert.equal(fired[0].type, "toast");
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
});
