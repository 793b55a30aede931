// @ts-check
// Gives a case to a person; the lanes come back as the server has them.

/** @param {string} number @param {string} to */
export function giveCase(number, to) {
  const lanes = document.getElementById("lanes");
  if (!lanes) return;
  const values = { case: number, to, queue: lanes.dataset.queue ?? "" };
  // @ts-ignore: htmx is a global of the frame
  void window.htmx.ajax("POST", lanes.dataset.giveUrl, { target: "#lanes", swap: "outerHTML", values });
}
