// @ts-check
// People name steps, and an object seems to have keys of its own: none of them may stand for a step.
import assert from "node:assert/strict";
import test from "node:test";

import { toElk } from "../../../frontend/editor/src/doc/arrange.js";
import { fromText, toText } from "../../../frontend/editor/src/doc/clipboard.js";
import { Draft } from "../../../frontend/editor/src/doc/draft.js";
import { clip, paste, remove } from "../../../frontend/editor/src/doc/edits.js";
import { cardBox } from "../../../frontend/editor/src/doc/geometry.js";
import { apply } from "../../../frontend/editor/src/doc/operations/index.js";
import { orderSteps, refuseEdge, titleOf } from "../../../frontend/editor/src/doc/rules.js";
import { CanvasModel } from "../../../frontend/editor/src/model.js";
import { Deriver } from "../../../frontend/editor/src/view/derive.js";

const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];
const STEP = '{"type": "transform", "title": "T"}';

/** As it comes from the server: JSON makes `__proto__` a key like any other. @param {string} name @param {string} [layout] */
const load = (name, layout = `{"${name}": [48, 96]}`) => JSON.parse(
  `{"name": "f", "steps": {"${name}": ${STEP}, "b": ${STEP}}, "edges": ["${name}.done -> b"], "layout": ${layout}, "notes": {}, "groups": {"g": {"steps": ["${name}"]}}}`,
);

for (const name of NAMES) {
  test(`a step named ${name} is drawn, moved, named and removed like any other`, () => {
    const model = new CanvasModel({ document: load(name), faces: {}, types: [{ name: "transform", ports: ["done"] }] }, { mode: "view" });
    assert.equal(model.title(name), "T");
    assert.deepEqual(model.ports(name), ["done"]);
    const nodes = new Deriver().deriveNodes(model.document, model, []);
    assert.deepEqual(nodes.find((/** @type {any} */ node) => node.id === name).position, { x: 48, y: 96 });
    assert.equal(new Deriver().deriveEdges(model.document, new Set()).length, 1);
    const [moved, back] = apply(model.document, JSON.parse(`{"op": "move", "steps": {"${name}": [1, 2]}}`));
    assert.deepEqual(Object.entries(moved.layout), [[name, [1, 2]]]);
    assert.deepEqual(apply(moved, back)[0], model.document);
    const [renamed] = apply(model.document, { op: "rename_step", id: name, to: "other" });
    assert.deepEqual(Object.keys(renamed.steps), ["other", "b"]);
    assert.deepEqual(renamed.edges, ["other.done -> b"]);
    const gone = remove(model.document, { steps: [name] });
    assert.deepEqual(Object.keys(apply(model.document, /** @type {any} */ (gone).op)[0].steps), ["b"]);
  });

  test(`a step named ${name} is copied and pasted, and found again in text`, () => {
    const document = load(name);
    const again = /** @type {any} */ (fromText(toText(clip(document, [name]))));
    assert.deepEqual(Object.keys(again.steps), [name]);
    assert.deepEqual(Object.entries(again.layout), [[name, [48, 96]]]);
    assert.equal(/** @type {any} */ (paste(document, again, null)).ids.length, 1);
  });

  test(`where no step is named ${name}, none is found under that name`, () => {
    const document = load("a", "{}");
    assert.equal(titleOf(document, name), name.replaceAll("_", " "));
    assert.equal(refuseEdge(document, ["done"], "a", "done", name), "That step is no longer in the flow.");
    assert.deepEqual(Object.keys(clip(document, [name]).steps), []);
    assert.equal(cardBox(document, name, []).x, 0);
    const draft = new Draft({ document, revision: 0, faces: {} });
    assert.throws(() => draft.edit({ op: "set_field", step: name, path: "/title", value: "x" }));
  });

  test(`problems, statuses and people at a step named ${name} reach its card`, () => {
    const model = new CanvasModel({ document: load(name), faces: {} }, { mode: "view" });
    model.setProblems([{ step: name, severity: "error", message: "One." }, { step: name, severity: "warning", message: "Two." }]);
    model.problems.flush();
    assert.deepEqual(model.problems.get(name), { severity: "error", count: 2, text: "One. Two." });
    model.setStatuses(JSON.parse(`{"steps": {"${name}": {"state": "done"}}, "edges": {}}`));
    model.statuses.flush();
    assert.deepEqual(model.statuses.get(name), { state: "done" });
    model.setStatuses({ steps: {}, edges: {} });
    model.statuses.flush();
    assert.equal(model.statuses.get(name), undefined);
    assert.deepEqual(orderSteps(model.document), [name, "b"]);
    assert.equal(toElk(model.document, model.ports, new Set([name, "b"])).edges.length, 1);
  });
}
