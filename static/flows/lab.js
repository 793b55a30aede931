// @ts-check
// The threshold lab: does the sums of flows/lab/estimate.py again while the cutoff is dragged.

import { estimate } from "./lab-sums.js";

const root = /** @type {HTMLElement | null} */ (document.querySelector("[data-lab]"));
const told = /** @type {HTMLTemplateElement | null} */ (document.querySelector("template[data-lab-data]"));
if (root && told) start(root, JSON.parse(told.content.textContent ?? "{}"));

/** @param {HTMLElement} form @param {import("./lab-sums.js").Data} data */
function start(form, data) {
  const range = /** @type {HTMLInputElement} */ (form.querySelector("[data-range]"));
  const number = /** @type {HTMLInputElement} */ (form.querySelector("[data-number]"));
  const line = /** @type {SVGLineElement} */ (form.querySelector("[data-line]"));
  const drawing = /** @type {SVGSVGElement} */ (line.ownerSVGElement);
  const apply = /** @type {HTMLButtonElement | null} */ (form.querySelector("[data-apply]"));
  const step = Number(range.dataset.step);
  const [low, high, width] = [Number(drawing.dataset.low), Number(drawing.dataset.high), Number(drawing.dataset.width)];
  const first = Number(apply ? (form.dataset.now ?? number.value) : number.value);

  const show = (/** @type {number} */ at) => {
    const place = Math.min(1, Math.max(0, (at - low) / (high - low || 1))) * width;
    line.setAttribute("x1", String(place));
    line.setAttribute("x2", String(place));
    const found = estimate(data, at);
    const words = {
      people: found.people.toLocaleString("en"),
      share: `${((100 * found.people) / data.points.length).toFixed(1)} %`,
      minutes: `${Math.round(found.people * data.minutes).toLocaleString("en")} min`,
      newly: found.newly.toLocaleString("en"),
      errors: found.judged ? found.errors.toFixed(1) : "–",
      interval: found.judged
        ? `${found.low.toFixed(1)} to ${found.high.toFixed(1)} (95 %), from ${found.judged} decisions`
        : "no human decisions to estimate from",
    };
    for (const [name, text] of Object.entries(words)) {
      const out = form.querySelector(`[data-out="${name}"]`);
      if (out) out.textContent = text;
    }
    const title = form.querySelector("[data-at]");
    if (title) title.textContent = tidy(at);
    if (apply) apply.disabled = at === first;
  };
  const set = (/** @type {number} */ at) => {
    const rounded = Number(tidy(at));
    range.value = String(rounded);
    number.value = tidy(rounded);
    range.setAttribute("aria-valuetext", tidy(rounded));
    show(rounded);
  };
  /** Round to as many decimal places as the step has. @param {number} at */
  const tidy = (at) =>
    String(Number((Math.round(at / step) * step).toFixed(Math.max(0, -Math.floor(Math.log10(step))))));

  range.addEventListener("input", () => set(Number(range.value)));
  range.addEventListener("keydown", (event) => {
    const moves = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -10,
      PageUp: 10,
    });
    const by = moves[event.key];
    if (!by) return;
    event.preventDefault();
    set(Number(range.value) + by * step);
  });
  number.addEventListener("input", () => {
    const at = Number(number.value.replace(",", "."));
    if (number.value.trim() === "" || !Number.isFinite(at)) return;
    range.value = String(at);
    show(at);
  });
  // The drawing itself can be clicked and dragged.
  const drag = (/** @type {PointerEvent} */ event) => {
    const box = drawing.getBoundingClientRect();
    set(low + ((event.clientX - box.left) / box.width) * (high - low));
  };
  drawing.addEventListener("pointerdown", (event) => {
    drawing.setPointerCapture(event.pointerId);
    drag(event);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (drawing.hasPointerCapture(event.pointerId)) drag(event);
  });
}
