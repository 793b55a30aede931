// @ts-check
// Values by key. A card subscribes to its own key, and changes are announced together every 100 ms,
// so that a burst of hundreds of changes is not drawn hundreds of times.

export const FLUSH_MS = 100;

export class KeyedStore {
  constructor(flushMs = FLUSH_MS) {
    this.flushMs = flushMs;
    /** @type {Map<string, any>} */
    this.values = new Map();
    /** @type {Map<string, Set<() => void>>} */
    this.listeners = new Map();
    /** @type {Map<string, any>} */
    this.waiting = new Map();
    /** @type {any} */
    this.timer = null;
  }

  /** @param {string} key */
  get(key) {
    return this.values.get(key);
  }

  /** @param {string} key @param {() => void} listener */
  subscribe(key, listener) {
    const known = this.listeners.get(key) ?? new Set();
    known.add(listener);
    this.listeners.set(key, known);
    return () => {
      known.delete(listener);
      if (!known.size) this.listeners.delete(key);
    };
  }

  /** @param {{[key: string]: any}} values @param {boolean} [whole] whether keys that are not named are removed */
  set(values, whole = false) {
    if (whole) for (const key of this.values.keys()) if (!Object.hasOwn(values, key)) this.waiting.set(key, undefined);
    for (const [key, value] of Object.entries(values)) this.waiting.set(key, value);
    this.timer ??= setTimeout(() => this.flush(), this.flushMs);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    /** @type {Set<() => void>} */
    const affected = new Set();
    for (const [key, value] of this.waiting) {
      if (JSON.stringify(this.values.get(key)) === JSON.stringify(value)) continue;
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value);
      for (const listener of this.listeners.get(key) ?? []) affected.add(listener);
    }
    this.waiting.clear();
    for (const listener of affected) listener();
  }
}
