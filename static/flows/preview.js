// @ts-check
// Shows under a field of the inspector what its expression gives with the last run's data.

const WAIT_MS = 350;
const pane = document.getElementById("inspector");
if (pane) start(pane);

/** @param {HTMLElement} root */
function start(root) {
  /** @type {any} */
  let timer = null;
  let asked = 0;
  const askSoon = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLTextAreaElement} */ (event.target);
    if (!("complete" in field.dataset)) return;
    clearTimeout(timer);
    if (!isExpression(field)) return say(field, "", "");
    timer = setTimeout(() => ask(field), WAIT_MS);
    return undefined;
  };
  const ask = async (/** @type {HTMLTextAreaElement} */ field) => {
    const place = /** @type {HTMLElement | null} */ (field.closest(".inspect"));
    if (!place?.dataset.evaluate) return;
    const mine = (asked += 1);
    const body = new URLSearchParams({ step: place.dataset.step ?? "", text: field.value, kind: getKind(field) });
    const csrf = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
    const response = await fetch(place.dataset.evaluate, {
      method: "POST",
      body,
      headers: { "X-CSRFToken": csrf },
      credentials: "same-origin",
    }).catch(() => null);
    if (mine !== asked || !response) return;
    if (response.status === 403) return;
    const told = await response.json().catch(() => ({}));
    if (told.error) say(field, told.error, "bad");
    else say(field, `${told.value}`, "good", `${told.type}, in run ${told.run}`);
  };
  root.addEventListener("focusin", askSoon);
  root.addEventListener("input", askSoon);
}

/** @param {HTMLTextAreaElement} field */
const getKind = (field) =>
  field.dataset.complete === "bare" ? "bare" : field.dataset.kind === "json" ? "json" : "text";

/** @param {HTMLTextAreaElement} field */
const isExpression = (field) =>
  field.dataset.complete === "bare" ? field.value.trim() !== "" : field.value.includes("${");

/** @param {HTMLTextAreaElement} field @param {string} text @param {string} tone @param {string} [detail] */
function say(field, text, tone, detail = "") {
  const box = field.closest(".field");
  let out = /** @type {HTMLElement | null} */ (box?.querySelector(":scope > .expression-value") ?? null);
  if (!text) return void out?.remove();
  if (!out) {
    out = Object.assign(document.createElement("output"), { className: "expression-value" });
    field.after(out);
  }
  out.dataset.tone = tone;
  out.replaceChildren(
    Object.assign(document.createElement("code"), { textContent: text }),
    Object.assign(document.createElement("small"), { textContent: detail }),
  );
  return undefined;
}
