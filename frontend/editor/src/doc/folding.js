// @ts-check
// Accents: the blocks of combining diacritical marks, the points of Hebrew and Arabic.
const MARKS = /[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;

/**
 * Return the text as it is compared in a search, as `fold` of workbench/values/folding.py does: case,
 * accents and the forms of Unicode do not matter.
 * @param {string} text
 */
export const fold = (text) =>
  // In capitals ı is I, and an iota below a letter is one; the two small sigmas are one.
  text.normalize("NFKD").toUpperCase().normalize("NFKD").replace(MARKS, "").toLowerCase()
    .replaceAll("ß", "ss").replaceAll("ς", "σ").normalize("NFKC");
