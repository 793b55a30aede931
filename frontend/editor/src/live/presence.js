// @ts-check
// Who else is here: their pointers and what they have selected, over a socket of its own. Nothing of
// it is stored.

const SEND_MS = 60;
const QUIET_MS = 15000;
const BEAT_MS = 5000;
const HUES = 6;

export class Presence {
  /** @param {import("./keyed.js").KeyedStore} store @param {string} path @param {(people: any[]) => void} onChange */
  constructor(store, path, onChange) {
    this.store = store;
    this.url = new URL(path, location.href.replace(/^http/, "ws"));
    this.onChange = onChange;
    this.tab = crypto.randomUUID();
    /** @type {Map<string, any>} */
    this.people = new Map();
    this.mine = { tab: this.tab, at: /** @type {any} */ (null), selected: /** @type {string[]} */ ([]) };
    /** @type {any} */
    this.timer = null;
    this.tries = 0;
    this.beat = setInterval(() => { this.send(); this.removeQuiet(); }, BEAT_MS);
    this.open();
  }

  open() {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => { this.tries = 0; this.send(); };
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    this.socket.onclose = (event) => {
      this.people.clear();
      this.announce();
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
  setPointer({ x, y }) {
    this.mine.at = [Math.round(x), Math.round(y)];
    this.sendSoon();
  }

  /** @param {string[]} steps */
  select(steps) {
    this.mine.selected = steps.slice(0, 50);
    this.sendSoon();
  }

  sendSoon() {
    this.timer ??= setTimeout(() => { this.timer = null; this.send(); }, SEND_MS);
  }

  send() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(this.mine));
  }

  /** @param {any} message what another tab sent */
  receive(message) {
    const known = this.people.get(message.tab);
    if (message.gone) this.people.delete(message.tab);
    else this.people.set(message.tab, { ...message, seen: Date.now() });
    if (!known && !message.gone) this.sendSoon();
    this.announce();
  }

  removeQuiet() {
    for (const [tab, { seen }] of this.people) if (Date.now() - seen > QUIET_MS) this.people.delete(tab);
    this.announce();
  }

  announce() {
    /** @type {Map<string, any[]>} */
    const byStep = new Map();
    const people = [...this.people.values()].map((each) => ({ ...each, hue: [...each.tab].reduce((sum, c) => sum + c.charCodeAt(0), 0) % HUES }));
    for (const { person, selected } of people) for (const step of selected) byStep.set(step, [...(byStep.get(step) ?? []), person]);
    this.store.set({ ...Object.fromEntries(byStep), "@cursors": people.filter((each) => each.at) }, true);
    this.onChange(people);
  }
}
