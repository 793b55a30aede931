// @ts-check
// The team's page: a case is given to a person by dragging it onto their lane, or by M and a
// figure. Both send the same form; the lanes come back as the server has them.

import { isTyping } from "../shell/keys.js";

const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("give"));

/** @param {string} number @param {string} to */
function give(number, to) {
  const lanes = document.getElementById("lanes");
  if (!lanes) return;
  const values = { case: number, to, queue: lanes.dataset.queue ?? "" };
  // @ts-ignore: htmx is a global of the frame
  void window.htmx.ajax("POST", lanes.dataset.giveUrl, { target: "#lanes", swap: "outerHTML", values });
}

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
  give(field.value, by.value);
});

// --- Dragging ---------------------------------------------------------------------

let dragged = "";

document.addEventListener("dragstart", (event) => {
  const chip = /** @type {Element} */ (event.target).closest?.(".chip");
  if (!(chip instanceof HTMLElement) || !event.dataTransfer) return;
  dragged = chip.dataset.case ?? "";
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged);
  chip.dataset.dragged = "";
});

document.addEventListener("dragover", (event) => {
  const lane = /** @type {Element} */ (event.target).closest?.(".lane");
  document.querySelectorAll(".lane[data-over]").forEach((each) => each.removeAttribute("data-over"));
  if (!lane || !dragged) return;
  event.preventDefault();
  lane.setAttribute("data-over", "");
});

document.addEventListener("drop", (event) => {
  const lane = /** @type {Element} */ (event.target).closest?.(".lane");
  if (!(lane instanceof HTMLElement) || !dragged) return;
  event.preventDefault();
  const from = document.querySelector(`.chip[data-case="${dragged}"]`)?.closest(".lane");
  if (from !== lane) give(dragged, lane.dataset.lane ?? "");
});

document.addEventListener("dragend", () => {
  dragged = "";
  document.querySelectorAll("[data-over], [data-dragged]").forEach((each) => {
    each.removeAttribute("data-over");
    each.removeAttribute("data-dragged");
  });
});
