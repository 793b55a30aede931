// @ts-check
// Edits of a flow document, each with the edit that undoes it: the browser's half of
// flows/graph/operations, module by module. tests/vectors/operations run against both.

/** @typedef {import("./values.js").Doc} Doc */
/** @typedef {import("./values.js").Operation} Operation */

export { formatEdge, parseEdge } from "./edges.js";
export { apply } from "./handlers.js";
export { lookUp } from "./pointers.js";
export { OperationRefused } from "./refusals.js";
export { normalForm } from "./sections.js";
export { own, same } from "./values.js";
