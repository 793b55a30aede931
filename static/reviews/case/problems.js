// @ts-check
// What the server says about what is typed: which parts of the form apply, and what is wrong.

import { makeId } from "./row-names.js";
import { findAll } from "./workspace.js";

/** @typedef {{ problems: Record<string, string>, active: string[] }} Judgement */

/** @param {Judgement} judgement */
export function showProblems({ problems, active }) {
  for (const part of findAll("[data-widget]")) {
    const name = part.dataset.widget ?? "";
    part.hidden = !active.includes(name);
    showProblem(part, name, makeId(name), problems[name]);
  }
  for (const row of findAll(".shown-field[data-key]")) {
    const { key } = row.dataset;
    showProblem(row, `field.${key}`, `field-${key}`, problems[`fields.${key}`]);
  }
}

/**
 * Show a problem, or that it is gone. A field that was never touched shows none: nobody is told
 * off for what they have not come to yet.
 * @param {HTMLElement} part
 * @param {string} name
 * @param {string} id
 * @param {string} [problem]
 */
function showProblem(part, name, id, problem) {
  const line = document.getElementById(`${id}-problem`);
  const inputs = /** @type {HTMLElement[]} */ ([...part.querySelectorAll(`[name="${CSS.escape(name)}"]`)]);
  const touched = [part, ...inputs].some((each) => "touched" in each.dataset);
  if (!line || (problem && !touched)) return;
  line.hidden = !problem;
  const text = line.querySelector("span");
  if (text) text.textContent = problem ?? "";
  if (problem) inputs[0]?.setAttribute("aria-invalid", "true");
  else inputs[0]?.removeAttribute("aria-invalid");
}
