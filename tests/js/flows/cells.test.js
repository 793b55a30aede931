// @ts-check
// Cells of a spreadsheet as they come from the clipboard.

import assert from "node:assert/strict";
import test from "node:test";

import { parsePaste, toCell } from "../../../static/flows/tables/cells.js";

test("lines and tabs are cells, whatever ends a line", () => {
  assert.deepEqual(parsePaste("a\tb\r\nc\td\r\n"), [["a", "b"], ["c", "d"]]);
  assert.deepEqual(parsePaste("a\t\n\tb"), [["a", ""], ["", "b"]]);
  assert.deepEqual(parsePaste("a"), [["a"]]);
});

test("a cell with a line break or a quote is in quotes", () => {
  assert.deepEqual(parsePaste('"two\nlines"\tb'), [["two\nlines", "b"]]);
  assert.deepEqual(parsePaste('"""car"", ""home"""\t5'), [['"car", "home"', "5"]]);
});

test("quotes that are part of a cell stay", () => {
  assert.deepEqual(parsePaste('"car", "home"\t> 5'), [['"car", "home"', "> 5"]]);
  assert.deepEqual(parsePaste('"car"\n"home"'), [['"car"'], ['"home"']]);
});

test("values become cells of the column's type", () => {
  assert.equal(toCell("north, east", "string"), '"north", "east"');
  assert.equal(toCell("Hello, world", "string", true), '"Hello, world"');
  assert.equal(toCell('not("a")', "string"), 'not("a")');
  assert.equal(toCell("1,250.5", "number"), "1250.5");
  assert.equal(toCell("1, 2", "number"), "1, 2");
  assert.equal(toCell("2026-03-31", "date"), 'date("2026-03-31")');
  assert.equal(toCell("TRUE", "boolean"), "true");
  assert.equal(toCell(" - ", "string"), "-");
  assert.equal(toCell("x", ""), "x");
});
