// @ts-check
// The words of a page, to be selected, copied and read aloud over its image.

/** @typedef {{ at: [number, number, number, number], words: [string, number, number][] }} Line */
/** @typedef {{ number: number, turned: number, skew: number, image?: string | null, lines: Line[] }} PageWords */

/** @type {CanvasRenderingContext2D | null} */
let measuring = null;

/**
 * Invisible text over the words of the image. All is in shares of the page, letters too: it fits at
 * every size at which the page is shown.
 * @param {PageWords} page
 * @param {number} aspect the page's width for a height of 1
 */
export function makeWords(page, aspect) {
  const layer = document.createElement("div");
  layer.className = "document-words";
  layer.tabIndex = 0;
  layer.setAttribute("role", "group");
  layer.setAttribute("aria-label", `Text of page ${page.number}`);
  for (const line of page.lines) layer.append(makeLine(line, aspect));
  layer.addEventListener("keydown", selectAll);
  return layer;
}

/**
 * @param {Line} line
 * @param {number} aspect
 */
function makeLine(line, aspect) {
  const [, top, , height] = line.at;
  const element = document.createElement("div");
  for (const [text, left, width] of line.words) {
    const word = document.createElement("span");
    word.textContent = text;
    Object.assign(word.style, {
      left: `${left * 100}%`,
      top: `${top * 100}%`,
      fontSize: `${height * 100}cqh`,
      transform: `scaleX(${stretch(measure(text), height, width, aspect)})`,
    });
    // The space takes no room, and stands between the words in what is copied.
    element.append(word, " ");
  }
  return element;
}

/**
 * By how much a word is stretched to be as wide as it is on the page.
 * @param {number} measured its width for letters of the size 1
 * @param {number} size of its letters, as a share of the page's height
 * @param {number} width as a share of the page's width
 * @param {number} aspect
 */
export function stretch(measured, size, width, aspect) {
  const natural = measured * size;
  return natural > 0 ? (width * aspect) / natural : 1;
}

/** @param {string} text */
function measure(text) {
  measuring ??= document.createElement("canvas").getContext("2d");
  if (!measuring) return 0;
  measuring.font = "100px sans-serif";
  return measuring.measureText(text).width / 100;
}

/** Ctrl+A selects the text of the page that has the focus, and not the whole case. @param {KeyboardEvent} event */
function selectAll(event) {
  if (event.key.toLowerCase() !== "a" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  getSelection()?.selectAllChildren(/** @type {HTMLElement} */ (event.currentTarget));
}
