// @ts-check
// Who else is here: their pointers and what they have selected, by a socket of its own. Nobody is
// told of anything that is kept.

const SAY_MS = 60;
const QUIET_MS = 15000;
const BEAT_MS = 5000;
const HUES = 6;

export class Presence {
  /** @param {import("./keyed.js").KeyedStore} store @param {string} path @param {(people: any[]) => void} told */
  constructor(store, path, told) {
    this.store = store;
    this.url = new URL(path, location.href.replace(/^http/, "ws"));
    this.told = told;
    this.tab = crypto.randomUUID();
    /** @type {Map<string, any>} */
    this.people = new Map();
    this.mine = { tab: this.tab, at: /** @type {any} */ (null), selected: /** @type {string[]} */ ([]) };
    /** @type {any} */
    this.timer = null;
    this.tries = 0;
    this.beat = setInterval(() => { this.say(); this.forget(); }, BEAT_MS);
    this.open();
  }

  open() {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => { this.tries = 0; this.say(); };
    this.socket.onmessage = (event) => this.heard(JSON.parse(event.data));
    this.socket.onclose = (event) => {
      this.people.clear();
      this.show();
      if (event.code === 4403 || this.closed) return;
      this.tries += 1;
      setTimeout(() => this.open(), Math.min(15000, 500 * 2 ** this.tries));
    };
  }

  close() {
    this.closed = true;
    clearInterval(this.beat);
    this.socket?.close();
  }

  /** @param {{x: number, y: number}} point */
  point({ x, y }) {
    this.mine.at = [Math.round(x), Math.round(y)];
    this.soon();
  }

  /** @param {string[]} steps */
  select(steps) {
    this.mine.selected = steps.slice(0, 50);
    this.soon();
  }

  soon() {
    this.timer ??= setTimeout(() => { this.timer = null; this.say(); }, SAY_MS);
  }

  say() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(this.mine));
  }

  /** @param {any} said */
  heard(said) {
    const known = this.people.get(said.tab);
    if (said.gone) this.people.delete(said.tab);
    else this.people.set(said.tab, { ...said, seen: Date.now() });
    if (!known && !said.gone) this.soon();
    this.show();
  }

  forget() {
    for (const [tab, { seen }] of this.people) if (Date.now() - seen > QUIET_MS) this.people.delete(tab);
    this.show();
  }

  show() {
    /** @type {any} */
    const byStep = {};
    const people = [...this.people.values()].map((each) => ({ ...each, hue: [...each.tab].reduce((sum, c) => sum + c.charCodeAt(0), 0) % HUES }));
    for (const { person, selected } of people) for (const step of selected) byStep[step] = [...(byStep[step] ?? []), person];
    this.store.set({ ...byStep, "@cursors": people.filter((each) => each.at) }, true);
    this.told(people);
  }
}
