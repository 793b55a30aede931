// @ts-check
// Refusals: why an operation was not applied, and what to do about it.

/** @typedef {import("./values.js").Json} Json */

export class OperationRefused extends Error {
  /**
   * @param {string} code a stable name
   * @param {string} message
   * @param {string} remedy
   * @param {Json} [current] the value that stands where the operation wanted to write
   */
  constructor(code, message, remedy, current) {
    super(message);
    this.code = code;
    this.remedy = remedy;
    this.current = current;
  }
}

/** The refusal of an operation that does not have the form of one. @param {string} message */
export const malformed = (message) =>
  new OperationRefused("malformed", message, "Send the operation as docs/editor.md shows it.");

/** The refusal of an edit to steps that have been removed. @param {string} message @param {string} remedy */
export const stepMissing = (message, remedy) => new OperationRefused("step_missing", message, remedy);
