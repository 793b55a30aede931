// @ts-check
// The team's page: M and a digit give a case to a person, as does dragging it onto their lane.

import { isTyping } from "../shell/keys.js";
import { giveCase } from "./team-give.js";
import { listenForDragging } from "./team-drag.js";

const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("give"));

/** @param {Element | null | undefined} chip */
function ask(chip) {
  const form = dialog()?.querySelector("form");
  if (!(chip instanceof HTMLElement) || !form) return;
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("case"));
  field.value = chip.dataset.case ?? "";
  const title = form.querySelector("[data-give-case]");
  if (title) title.textContent = chip.dataset.title ?? "the case";
  dialog()?.showModal();
}

/** @param {boolean} backwards @param {boolean} byLane */
function walk(backwards, byLane) {
  const chips = [...document.querySelectorAll("#lanes .chip")];
  if (!chips.length) return;
  const here = chips.findIndex((chip) => chip.contains(document.activeElement));
  const step = backwards ? -1 : 1;
  let next = here === -1 ? 0 : here + step;
  if (byLane && here !== -1) {
    const lane = chips[here].closest(".lane");
    while (chips[next] && chips[next].closest(".lane") === lane) next += step;
  }
  const chip = chips[Math.max(0, Math.min(next, chips.length - 1))];
  /** @type {HTMLElement | null} */ (chip.querySelector(".chip-link"))?.focus();
}

document.addEventListener("keydown", (event) => {
  const open = dialog();
  if (open?.open && /^\d$/.test(event.key)) {
    const choices = [...open.querySelectorAll("button[name=to]")];
    const choice = event.key === "0" ? choices.at(-1) : choices[Number(event.key) - 1];
    if (choice instanceof HTMLButtonElement) choice.click();
    return;
  }
  if (open?.open || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    event.preventDefault();
    walk(key === "k", event.shiftKey);
  } else if (key === "m") {
    const chip = document.activeElement?.closest(".chip");
    if (!chip) return;
    event.preventDefault();
    ask(chip);
  }
});

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-move]");
  if (button) ask(button.closest(".chip"));
});

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const by = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (!form.matches("[data-give]") || by?.name !== "to") return;
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("case"));
  dialog()?.close();
  giveCase(field.value, by.value);
});

listenForDragging();
