// @ts-check
// Reads YAML with the rules of the server's flows/graph/yaml_text.py, for a pasted step must not
// change: numbers are those of JSON, `0x1F`, `01234`, `+5` and `.nan` stay text, and there are no
// tags, anchors or merges. tests/vectors/yaml holds both to it.

import { Lexer, Parser, Scalar, isAlias, isScalar, parseDocument, visit } from "yaml";

// The server's limits on a document. Composing a text of ten thousand brackets ends the tab.
const MAX_LENGTH = 1_000_000;
const MAX_DEPTH = 60;
const MAX_TOKENS = 300_000;

const INTEGER = /^-?(0|[1-9][0-9]*)$/;
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/;

/** A number that a browser would round or take for infinite. */
export class NumberTooLarge extends Error {
  /** @param {string} text */
  constructor(text) {
    super(`${text} is too large for the canvas, which would round it`);
  }
}

/** @type {any[]} */
const TAGS = [
  { tag: "tag:yaml.org,2002:null", default: true, test: /^(?:~|[Nn]ull|NULL)?$/, resolve: () => new Scalar(null) },
  { tag: "tag:yaml.org,2002:bool", default: true, test: /^(?:[Tt]rue|TRUE|[Ff]alse|FALSE)$/, resolve: (/** @type {string} */ text) => text.toLowerCase() === "true" },
  { tag: "tag:yaml.org,2002:float", default: true, test: NUMBER, resolve: readNumber },
];

// An error that is thrown here would lose its class: it takes the value's place until then.
/** @param {string} text @returns {number | NumberTooLarge} */
function readNumber(text) {
  const value = Number(text);
  if (!INTEGER.test(text)) return Number.isFinite(value) ? value : new NumberTooLarge(text);
  return Number.isSafeInteger(value) ? value || 0 : new NumberTooLarge(text); // no whole number is -0
}

/** Throw an Error for a text that is too long, nests too deep or holds too much. @param {string} text */
function checkSize(text) {
  if (text.length > MAX_LENGTH) throw new Error("The text is too long.");
  const parser = new Parser();
  let tokens = 0;
  for (const token of new Lexer().lex(text)) {
    for (const _ of parser.next(token)); // moves its stack: two entries for each level
    tokens += 1;
    if (/** @type {any} */ (parser).stack.length > 2 * MAX_DEPTH || tokens > MAX_TOKENS) throw new Error("The text nests too deep or holds too much.");
  }
}

/** The plain value in a text. Throws NumberTooLarge, or Error for what the server refuses. @param {string} text @returns {any} */
export function readYaml(text) {
  checkSize(text);
  const document = parseDocument(text, { schema: "failsafe", customTags: TAGS });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw problem;
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node) || /** @type {any} */ (node).anchor) throw new Error("Anchors are not supported.");
      if (isScalar(node) && node.value instanceof NumberTooLarge) throw node.value;
    },
    Pair: (_key, { key }) => {
      const plain = isScalar(key) && key.type === Scalar.PLAIN;
      if (!isScalar(key) || typeof key.value !== "string" || (plain && key.value === "<<")) throw new Error("A key is not text.");
    },
  });
  return document.toJS();
}

/** Whether the value holds a whole number of at most 64 bits that may have been rounded when it was read. @param {any} value @returns {boolean} */
export function holdsRounded(value) {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 63;
  return value !== null && typeof value === "object" && Object.values(value).some(holdsRounded);
}
