// @ts-check
// The model of one canvas: its draft, what is known of its steps, and edits by a person.

import { Draft } from "./doc/draft.js";
import { OperationRefused, own, parseEdge } from "./doc/operations/index.js";
import { refuseEdge, titleOf } from "./doc/rules.js";
import { KeyedStore } from "./live/keyed.js";
import { Sync } from "./live/sync.js";

/** @typedef {import("./doc/operations/index.js").Operation} Operation */

export class CanvasModel {
  /** @param {any} loaded the JSON of data-src @param {{mode: "edit" | "view", urls?: any, key?: string}} how */
  constructor(loaded, { mode, urls, key = "" }) {
    this.mode = mode;
    this.draft = new Draft({ document: loaded.document, revision: loaded.revision ?? 0, faces: loaded.faces });
    this.icons = loaded.icons ?? {};
    this.looks = loaded.looks ?? {};
    this.types = loaded.types ?? [];
    this.typeByName = new Map(this.types.map((/** @type {any} */ type) => [type.name, type]));
    this.marks = loaded.marks ?? null;
    this.statuses = new KeyedStore();
    this.lines = new KeyedStore();
    this.problems = new KeyedStore();
    this.presence = new KeyedStore();
    this.sync = mode === "edit" ? new Sync(this.draft, urls, key) : null;
    /** @type {(text: string, tone?: string) => void} */
    this.say = () => {};
    this.usedBy = { edges: /** @type {any} */ (null), ports: new Map() };
  }

  get document() {
    return this.draft.document;
  }

  /** @param {string} id */
  type = (id) => this.typeByName.get(own(this.document.steps, id)?.type);

  /** @param {string} id */
  line = (id) => own(this.draft.faces, id)?.line ?? this.type(id)?.line ?? "";

  /** The ports that the type has, and those that an edge still uses. @param {string} id @returns {string[]} */
  ports = (id) => {
    const given = own(this.draft.faces, id)?.ports ?? this.type(id)?.ports ?? [];
    // “Most visits” opens the port limit, by which a run leaves a loop once it has visited often enough.
    const declared = given.length && own(this.document.steps, id)?.max_visits != null && !given.includes("limit") ? [...given, "limit"] : given;
    const used = this.listUsedPorts().get(id);
    if (!used) return declared;
    const extra = [...used].filter((port) => port !== "error" && !declared.includes(port));
    return extra.length ? [...declared, ...extra] : declared;
  };

  /** For each step, the ports that edges leave by. @returns {Map<string, Set<string>>} */
  listUsedPorts() {
    if (this.usedBy.edges !== this.document.edges) {
      const ports = new Map();
      for (const edge of this.document.edges) {
        const [source, port] = parseEdge(edge);
        ports.set(source, (ports.get(source) ?? new Set()).add(port));
      }
      this.usedBy = { edges: this.document.edges, ports };
    }
    return this.usedBy.ports;
  }

  /** @param {string} id */
  title = (id) => titleOf(this.document, id);

  /**
   * Apply an edit and say what was done, or why not.
   * @param {Operation} op @param {string} [label] what was done, in words for people
   * @param {{merge?: string}} [how] @returns {boolean} whether it was applied
   */
  edit = (op, label = "", how = {}) => {
    if (this.mode !== "edit") return false;
    try {
      this.draft.edit(op, { label, ...how });
    } catch (error) {
      if (!(error instanceof OperationRefused)) throw error;
      this.say(`${error.message} ${error.remedy}`, "bad");
      return false;
    }
    if (label) this.say(label);
    return true;
  };

  /** Undo or redo, and say what. @param {"undo" | "redo"} way */
  stepHistory(way) {
    try {
      const label = way === "undo" ? this.draft.undo() : this.draft.redo();
      const word = way === "undo" ? "Undone" : "Done again";
      this.say(label === null ? `Nothing to ${way}` : label ? `${word}: ${label}` : word);
    } catch (error) {
      if (!(error instanceof OperationRefused)) throw error;
      this.say(`Can't ${way}: ${error.message}`, "bad");
    }
  }

  /** The reason why an edge may not be drawn, or null. @param {string} source @param {string} port @param {string} target */
  explainRefusal = (source, port, target) => refuseEdge(this.document, this.ports(source), source, port, target);

  /** @param {any[]} found */
  setProblems(found) {
    /** @type {Map<string, any>} */
    const byStep = new Map();
    for (const each of found) {
      if (!each.step) continue;
      const known = byStep.get(each.step);
      const severity = known?.severity === "error" ? "error" : each.severity;
      byStep.set(each.step, { severity, count: (known?.count ?? 0) + 1, text: [known?.text, each.message].filter(Boolean).join(" ") });
    }
    this.problems.set(Object.fromEntries(byStep), true);
  }

  /** @param {any} statuses `{steps, edges}`, as the status URL gives them */
  setStatuses({ steps = {}, edges = {} }) {
    this.statuses.set(steps, true);
    this.lines.set(edges, true);
  }
}
