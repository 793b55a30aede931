// @ts-check
// Edits that the server refused, with both values, until a person chooses one.

// After a long time without a connection there may be hundreds: a few are shown at a time.
const MOST = 3;

/** @param {HTMLElement} root @param {any} canvas */
export function showConflicts(root, canvas) {
  const place = /** @type {HTMLElement | null} */ (root.querySelector("[data-conflicts]"));
  const { conflicts } = canvas.draft;
  if (!place) return;
  place.hidden = !conflicts.length;
  const shown = conflicts.slice(0, MOST);
  place.replaceChildren(...shown.map((/** @type {any} */ each) => drawConflict(each, canvas)));
  if (conflicts.length > 1) place.append(drawRest(conflicts, canvas));
}

/** @param {any[]} conflicts @param {any} canvas */
function drawRest(conflicts, canvas) {
  const bar = Object.assign(document.createElement("div"), { className: "conflict conflict-rest" });
  const more = conflicts.length - MOST;
  const words = more > 0 ? `${more} more could not be saved` : "None of these could be saved";
  const all = makeButton(`Close all ${conflicts.length}`, () => { for (const each of conflicts) canvas.draft.settle(each.client_id); });
  bar.append(Object.assign(document.createElement("span"), { textContent: words }), all);
  return bar;
}

/** @param {any} conflict @param {any} canvas */
function drawConflict(conflict, canvas) {
  const { op, code, message, remedy, current, client_id: id } = conflict;
  const box = document.createElement("div");
  box.className = "conflict";
  box.setAttribute("role", "alert");
  const words = document.createElement("div");
  words.append(Object.assign(document.createElement("strong"), { textContent: message }), Object.assign(document.createElement("p"), { textContent: remedy }));
  if (code === "field_changed") words.append(drawBothValues(op, current));
  const buttons = document.createElement("div");
  buttons.className = "row";
  const close = () => canvas.draft.settle(id);
  if (code === "field_changed") {
    buttons.append(makeButton("Use mine", () => { const { old: _old, ...mine } = op; canvas.edit(mine, "Set again"); close(); }), makeButton("Keep theirs", close));
  } else buttons.append(makeButton("Close", close));
  box.append(words, buttons);
  return box;
}

/** @param {any} op @param {any} current */
function drawBothValues(op, current) {
  const list = document.createElement("dl");
  const row = (/** @type {string} */ name, /** @type {any} */ value) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: value === undefined || value === null ? "(empty)" : typeof value === "string" ? value : JSON.stringify(value) }),
  ];
  list.append(...row("Yours", op.value), ...row("Theirs", current));
  return list;
}

/** @param {string} text @param {() => void} act */
function makeButton(text, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: text });
  made.addEventListener("click", act);
  return made;
}
