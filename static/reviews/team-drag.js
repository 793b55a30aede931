// @ts-check
// Dragging a case onto a person's lane gives it to that person.

import { giveCase } from "./team-give.js";

/** The case that is being dragged, "" for none. */
let dragged = "";

export function listenForDragging() {
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
    if (from !== lane) giveCase(dragged, lane.dataset.lane ?? "");
  });

  document.addEventListener("dragend", () => {
    dragged = "";
    document.querySelectorAll("[data-over], [data-dragged]").forEach((each) => {
      each.removeAttribute("data-over");
      each.removeAttribute("data-dragged");
    });
  });
}
