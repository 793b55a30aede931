// @ts-check
// The decisions of the live connection, without a socket, a page or a clock.

export const SPACING_MS = 100;
export const QUIET_MS = 20_000;
export const PONG_MS = 5_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

/**
 * Collect the groups that elements ask for, without repeats.
 * @param {Iterable<string | null>} values of `data-live`: names separated by spaces
 * @returns {string[]}
 */
export function collectGroups(values) {
  const names = new Set();
  for (const value of values) for (const name of (value ?? "").split(/\s+/)) if (name) names.add(name);
  return [...names].sort();
}

/**
 * How long to wait before trying again: doubled each time, capped, and spread so that a thousand
 * pages do not reconnect at the same instant after a restart.
 * @param {number} failures in a row, from 1
 * @param {number} random from 0 to 1
 */
export function computeRetryMs(failures, random) {
  const full = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
  return Math.round(full / 2 + (full / 2) * random);
}

/** Remembers the last number seen of each group's journal, to detect gaps. */
export class Sequences {
  constructor() {
    /** @type {Map<string, number>} */
    this.last = new Map();
  }

  /**
   * @param {string} group
   * @param {unknown} seq of the payload; groups that cover many things have none
   * @returns {boolean} whether something was missed in between
   */
  sees(group, seq) {
    if (typeof seq !== "number") return false;
    const last = this.last.get(group);
    if (last === undefined || seq > last) this.last.set(group, seq);
    return last !== undefined && seq > last + 1;
  }
}

/** Lets the first event of a group through at once, then at most one every 100 ms: the latest. */
export class Spacing {
  constructor() {
    /** @type {Map<string, number>} */
    this.firedAt = new Map();
    /** @type {Set<string>} */
    this.held = new Set();
  }

  /**
   * @param {string} group
   * @param {number} now
   * @returns {number | null} milliseconds until it may fire, 0 for at once; null: one is waiting already
   */
  ask(group, now) {
    if (this.held.has(group)) return null;
    const wait = Math.max(0, (this.firedAt.get(group) ?? -Infinity) + SPACING_MS - now);
    if (wait) this.held.add(group);
    else this.firedAt.set(group, now);
    return wait;
  }

  /**
   * @param {string} group
   * @param {number} now
   */
  markFired(group, now) {
    this.held.delete(group);
    this.firedAt.set(group, now);
  }
}
