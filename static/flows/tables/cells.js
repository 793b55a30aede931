// @ts-check
// Cells of a spreadsheet, as they come from the clipboard, made into cells of a table.

/** Return the lines of what a spreadsheet copied. A cell with a tab or a line break is in quotes.
 * @param {string} text @returns {string[][]} */
export function parsePaste(text) {
  /** @type {string[][]} */
  const lines = [[]];
  let [cell, at, quoted] = ["", 0, false];
  const body = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  const end = () => lines[lines.length - 1]?.push(cell);
  while (at < body.length) {
    const sign = body[at];
    if (quoted) {
      if (sign === '"' && body[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"' && cell === "" && closes(body, at)) quoted = true;
    else if (sign === "\t" || sign === "\n") {
      end();
      cell = "";
      if (sign === "\n") lines.push([]);
    } else cell += sign;
    at += 1;
  }
  end();
  return lines;
}

/** Whether a cell that begins with a quote ends with one: else the quotes are part of it, as in
 * `"car", "home"`. @param {string} text @param {number} at */
function closes(text, at) {
  let next = at + 1;
  for (;;) {
    next = text.indexOf('"', next);
    if (next < 0) return false;
    if (text[next + 1] === '"') next += 2;
    else break;
  }
  const after = text[next + 1];
  const inside = text.slice(at + 1, next);
  return (after === undefined || after === "\t" || after === "\n") && /[\t\n"]/.test(inside);
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Return a value of a spreadsheet as a cell of a column of this type: texts and dates as FEEL
 * writes them. What is FEEL already stays. Commas separate what a cell asks for; an output is whole.
 * @param {string} value @param {string} type @param {boolean} [isOutput] */
export function toCell(value, type, isOutput = false) {
  const text = value.trim();
  if (text === "" || text === "-" || text === "null") return text;
  if (type === "boolean") return text.toLowerCase();
  if (type === "date" && DATE.test(text)) return `date("${text}")`;
  if (type === "number" || type === "integer")
    return text.replace(/^(-?\d{1,3})((?:,\d{3})+)(?=\.|$)/, (_, a, b) => a + b.replaceAll(",", ""));
  if (type === "string" && !/["<>()=?]/.test(text)) {
    const parts = isOutput ? [text] : text.split(/,\s*/);
    return parts.map((each) => JSON.stringify(each)).join(", ");
  }
  return text;
}
