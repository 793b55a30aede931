// @ts-check
// The draft as this browser sees it: what the server has acknowledged, and on top of it the pending
// edits that it has not. Only the server's order counts; pending edits are applied again after it.

import { OperationRefused, apply, lookUp, normalForm, own, same } from "./operations/index.js";

/** @typedef {import("./operations/index.js").Doc} Doc */
/** @typedef {import("./operations/index.js").Operation} Operation */
/** @typedef {{client_id: string, op: Operation}} Pending */
/** @typedef {{client_id: string, op: Operation, code: string, message: string, remedy: string, current?: any}} Conflict */
/** @typedef {{ids: string[], undo: Operation[], label: string, merge?: string, at: number}} Entry */

const MERGE_MS = 1200;

export class Draft {
  /** @param {{document: Doc, revision: number, faces?: Doc}} loaded @param {() => string} makeId */
  constructor({ document, revision, faces = {} }, makeId = () => crypto.randomUUID()) {
    this.base = this.document = normalForm(document);
    this.revision = revision;
    this.faces = faces;
    this.makeId = makeId;
    /** @type {Pending[]} */
    this.pending = [];
    /** @type {Conflict[]} */
    this.conflicts = [];
    /** @type {Entry[]} */
    this.done = [];
    /** @type {Entry[]} */
    this.undone = [];
    this.version = 0;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = () => this.version;

  notify() {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  /**
   * Apply an edit here at once; it is sent to the server later. Edits with the same `merge` key that
   * follow one another closely are undone together.
   * @param {Operation} op @param {{label?: string, merge?: string, now?: number}} [how]
   * @throws {OperationRefused}
   */
  edit(op, { label = "", merge, now = Date.now() } = {}) {
    const { id, inverse } = this.play(op);
    const last = this.done.at(-1);
    if (merge && last?.merge === merge && now - last.at < MERGE_MS && !this.undone.length) {
      last.ids.push(id);
      last.undo.unshift(inverse);
      last.at = now;
    } else {
      this.done.push({ ids: [id], undo: [inverse], label, merge, at: now });
    }
    this.undone = [];
    this.notify();
  }

  /** @returns {string | null} what was undone, or null if there was nothing */
  undo() {
    return this.moveEntry(this.done, this.undone);
  }

  /** @returns {string | null} */
  redo() {
    return this.moveEntry(this.undone, this.done);
  }

  /** @param {Entry[]} from @param {Entry[]} to */
  moveEntry(from, to) {
    const entry = from.pop();
    if (!entry) return null;
    const op = entry.undo.length === 1 ? entry.undo[0] : { op: "batch", operations: entry.undo };
    const { id, inverse } = this.play(op);
    to.push({ ids: [id], undo: [inverse], label: entry.label, at: 0 });
    this.notify();
    return entry.label;
  }

  /** Apply an operation and add it to the pending ones. @param {Operation} op */
  play(op) {
    const [document, inverse] = apply(this.document, op);
    this.document = document;
    const id = this.makeId();
    this.pending.push({ client_id: id, op });
    return { id, inverse: guardInverse(inverse, document) };
  }

  /** Take over the edits that an earlier page of this tab could not send. @param {Pending[]} kept */
  resume(kept) {
    this.pending = [...kept, ...this.pending];
    this.replay();
    this.notify();
  }

  /**
   * Apply the server's answer: the operations since, and what became of the ones sent.
   * @param {{operations?: {revision: number, client_id: string, op: Operation}[], results?: any[], faces?: Doc}} answer
   * @returns {boolean} false if the draft differs from the server's and must be loaded again
   */
  receive({ operations = [], results = [], faces = {} }) {
    let inOrder = true;
    for (const { revision, client_id, op } of operations) {
      if (revision <= this.revision) continue;
      if (revision !== this.revision + 1) return false;
      try {
        [this.base] = apply(this.base, op);
      } catch (error) {
        if (error instanceof OperationRefused) return false;
        throw error;
      }
      this.revision = revision;
      if (this.pending[0]?.client_id === client_id) this.pending.shift();
      else {
        inOrder = false;
        this.pending = this.pending.filter((each) => each.client_id !== client_id);
      }
    }
    const refused = results.filter((each) => each.status === "refused");
    for (const each of refused) this.drop(each);
    if (!inOrder || refused.length) this.replay();
    if (Object.keys(faces).length) this.faces = { ...this.faces, ...faces };
    if (operations.length || refused.length) this.notify();
    return true;
  }

  /** Take back a pending edit that the server refused. @param {Conflict} refusal */
  drop(refusal) {
    const lost = this.pending.find((each) => each.client_id === refusal.client_id);
    if (!lost) return;
    this.pending = this.pending.filter((each) => each !== lost);
    this.conflicts = [...this.conflicts, { ...refusal, op: lost.op }];
    const without = (/** @type {Entry} */ entry) => !entry.ids.includes(refusal.client_id);
    this.done = this.done.filter(without);
    this.undone = this.undone.filter(without);
  }

  /** Start again from the server's document, with the pending edits on top. @param {{document: Doc, revision: number, faces: Doc}} loaded */
  reload({ document, revision, faces }) {
    this.base = normalForm(document);
    this.revision = revision;
    this.faces = faces;
    this.replay();
    this.notify();
  }

  /** Apply the pending edits again. One that no longer fits is not drawn but still sent: the server then says why. */
  replay() {
    this.document = this.base;
    for (const { op } of this.pending) {
      try {
        [this.document] = apply(this.document, op);
      } catch (error) {
        if (!(error instanceof OperationRefused)) throw error;
      }
    }
  }

  /** Remove a conflict that has been dealt with. @param {string} client_id */
  settle(client_id) {
    this.conflicts = this.conflicts.filter((each) => each.client_id !== client_id);
    this.notify();
  }
}

/**
 * The inverse with `old`, so that undoing a field does not overwrite what someone else has set since.
 * @param {Operation} inverse @param {Doc} document as the edit left it @returns {Operation}
 */
function guardInverse(inverse, document) {
  const root = {
    set_field: () => own(document.steps, inverse.step), set_flow: () => document,
    set_note: () => own(document.notes, inverse.id), set_group: () => own(document.groups, inverse.id),
  }[inverse.op];
  const now = root && lookUp(root(), inverse.path);
  return !root || same(now, inverse.value) ? inverse : { ...inverse, old: now ?? null };
}
