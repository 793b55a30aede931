// @ts-check
// Operations on notes: texts on the canvas.

import { readPoint } from "./arguments.js";
import { setAt } from "./pointers.js";
import { findEntry, readNewEntry, setEntry } from "./sections.js";
import { without } from "./values.js";

/** @typedef {import("./values.js").Handler} Handler */

const NOTE_FIELDS = new Set(["text", "at", "size", "colour"]);

/** Add a note. @type {Handler} */
export function addNote(document, op) {
  const [id, note] = readNewEntry(document, op, "notes", "note");
  const placed = { ...note, at: readPoint(note.at ?? [0, 0]) };
  return [setEntry(document, "notes", id, placed), { op: "remove_note", id }];
}

/** Set a field of a note, or remove it. @type {Handler} */
export function setNote(document, op) {
  const [id, before] = findEntry(document, op, "notes", "note");
  const [note, undo] = setAt(before, op, NOTE_FIELDS);
  return [setEntry(document, "notes", id, note), { op: "set_note", id, ...undo }];
}

/** Remove a note. @type {Handler} */
export function removeNote(document, op) {
  const [id, note] = findEntry(document, op, "notes", "note");
  return [{ ...document, notes: without(document.notes, id) }, { op: "add_note", id, note }];
}
