// @ts-check
// The page of a case: keys, draft, claim, documents, undo. Everything it does also works as a form.

import { actOf, firstField, waitsFor, secondsLeft } from "./case-keys.js";
import { fetchAhead, showDocuments } from "./documents.js";
import { Draft } from "./draft.js";
import { idOf } from "./row-names.js";
import { listenForMentions } from "./mentions.js";
import { beginRows, listenForRows } from "./rows.js";

/** @type {Draft | null} */
let draft = null;
let claiming = false;
/** What brings another workspace in place of this one, "" while nothing does. */
let leaving = /** @type {"" | "undo" | "other"} */ ("");
/** The keys that were pressed for the workspace that comes. @type {string[]} */
let ahead = [];

const workspace = () => /** @type {HTMLElement} */ (document.getElementById("workspace"));
const decision = () => /** @type {HTMLFormElement | null} */ (document.getElementById("decision"));

/**
 * @template {Element} T
 * @param {string} selector
 * @returns {T[]}
 */
const all = (selector) => /** @type {T[]} */ ([...workspace().querySelectorAll(selector)]);
const token = () => document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";

/**
 * @param {string} url
 * @param {BodyInit} [body]
 */
const post = (url, body) =>
  fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token() }, keepalive: true });

// --- Outcomes and reasons ------------------------------------------------------------

/** @returns {HTMLInputElement | null} */
const chosenOutcome = () => workspace().querySelector("input[name=outcome]:checked");

/** @returns {HTMLInputElement[]} */
function reasonBoxes() {
  const outcome = chosenOutcome()?.value;
  return outcome ? all(`[data-for-outcome="${outcome}"] input[type=checkbox]`) : [];
}

function showOutcome() {
  const chosen = chosenOutcome();
  for (const part of /** @type {HTMLElement[]} */ (all("[data-for-outcome]"))) {
    part.hidden = part.dataset.forOutcome !== chosen?.value;
  }
  const label = workspace().querySelector("[data-send-label]");
  const word = chosen?.closest("label")?.querySelector("span")?.textContent;
  if (label) label.textContent = word ?? "Decide";
}

/** @param {string} key */
function choose(key) {
  const radios = /** @type {HTMLInputElement[]} */ (all("input[name=outcome]"));
  const radio = radios.find((each) => each.dataset.key?.toLowerCase() === key);
  if (!radio) return;
  radio.checked = true;
  showOutcome();
  draft?.touch();
  const reasons = workspace().querySelector(`[data-for-outcome="${radio.value}"]`);
  const comment = document.getElementById("decision-comment");
  const send = workspace().querySelector("[data-send]");
  const focus = reasons ?? (radio.dataset.needsComment === "true" ? comment : send);
  /** @type {HTMLElement | null} */ (focus)?.focus();
}

/** @param {number} index */
function toggleReason(index) {
  const box = reasonBoxes()[index];
  if (!box) return;
  box.checked = !box.checked;
  box.focus();
  showNotice();
  markGround(box.closest(".reason"));
  draft?.touch();
}

// --- Keys ----------------------------------------------------------------------------

/** @param {EventTarget | null} target */
function isText(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox"].includes(target.type);
  return target.matches("textarea, select, [contenteditable]");
}

/** @param {EventTarget | null} target */
function isControl(target) {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("button, a[href], summary") && !target.matches("[data-send]");
}

/** @param {string} key */
function openAct(key) {
  const act = /** @type {HTMLDetailsElement | null} */ (
    workspace().querySelector(`[data-act="${key}"]`)
  );
  if (!act) return;
  act.open = true;
  act.querySelector("textarea")?.focus();
}

function goToFields() {
  const rows = /** @type {HTMLElement[]} */ (all(".shown-field:has(.shown-value [name])"));
  const at = firstField(
    rows.map((row) => (row.dataset.confidence ? Number(row.dataset.confidence) : null)),
  );
  const input = rows[at]?.querySelector(".shown-value [name]");
  if (input instanceof HTMLElement) input.focus();
  if (input instanceof HTMLInputElement) input.select();
}

/** @param {string} selector */
const submit = (selector) => {
  const form = document.querySelector(selector);
  if (form instanceof HTMLFormElement) form.requestSubmit();
};

/**
 * Ctrl Enter in a question or a comment sends that, and never the decision.
 * @param {EventTarget | null} [target]
 */
const formOf = (target) =>
  target instanceof HTMLTextAreaElement && target.form ? target.form : decision();

/** @type {Record<string, (act: any, target?: EventTarget | null) => void>} */
const DO = {
  outcome: ({ key }) => choose(key),
  reason: ({ index }) => toggleReason(index),
  send: (_act, target) => formOf(target)?.requestSubmit(),
  fields: goToFields,
  documents: () => /** @type {HTMLElement | null} */ (workspace().querySelector(".document:not([hidden])"))?.focus(),
  comment: () => document.getElementById("decision-comment")?.focus(),
  act: ({ key }) => openAct(key),
  undo: () => submit("[data-undo-form]"),
  next: () => submit("[data-next-form]"),
  leave: () => /** @type {HTMLElement | null} */ (workspace().querySelector(".case-pane"))?.focus(),
};

/** @param {{ key: string, ctrl?: boolean, target?: EventTarget | null }} press */
const meaning = ({ key, ctrl, target = null }) =>
  actOf({
    key,
    ctrl,
    typing: isText(target),
    onControl: isControl(target),
    chosen: Boolean(chosenOutcome()),
    reasons: reasonBoxes().length,
    outcomes: /** @type {HTMLElement[]} */ (all("input[name=outcome]")).map((each) =>
      (each.dataset.key ?? "").toLowerCase(),
    ),
  });

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.altKey || event.isComposing || event.defaultPrevented || !workspace()) return;
  const { key, target } = event;
  // Search and the list of keys lie over the page and have their own.
  if (target instanceof Element && target.closest("dialog[open]")) return;
  const ctrl = event.ctrlKey || event.metaKey;
  const waits = leaving && !ctrl && !isText(target) && waitsFor(leaving, key);
  const act = meaning({ key, ctrl, target });
  if (!act && !waits) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  // A key that is held down is pressed once.
  if (event.repeat) return;
  if (waits) ahead.push(key);
  else if (act && !leaving) DO[act.kind](act, target);
}

// Captured: the frame's own keys (G then a digit) come after ours.
document.addEventListener("keydown", onKey, { capture: true });

// --- What the server thinks of what is typed -------------------------------------------

/** @param {{ problems: Record<string, string>, active: string[] }} answer */
function judged({ problems, active }) {
  for (const part of /** @type {HTMLElement[]} */ (all("[data-widget]"))) {
    const name = part.dataset.widget ?? "";
    part.hidden = !active.includes(name);
    tell(part, name, idOf(name), problems[name]);
  }
  for (const row of /** @type {HTMLElement[]} */ (all(".shown-field[data-key]"))) {
    const { key } = row.dataset;
    tell(row, `field.${key}`, `field-${key}`, problems[`fields.${key}`]);
  }
}

/**
 * Nobody is told that they have not filled in yet what comes next: only what was touched counts.
 * @param {HTMLElement} part
 * @param {string} name
 * @param {string} id
 * @param {string} [problem]
 */
function tell(part, name, id, problem) {
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

listenForMentions();
listenForRows((list) => {
  list.dataset.touched = "";
  draft?.touch();
  claimIfFree();
});

// --- Reasons: what they rest on, and what the applicant will read ------------------------

function showNotice() {
  for (const preview of /** @type {HTMLElement[]} */ (all("[data-notice-preview]"))) {
    const codes = /** @type {HTMLElement[]} */ ([...preview.querySelectorAll("[data-notice-of]")]);
    const boxes = preview.closest("fieldset")?.querySelectorAll("input:checked") ?? [];
    const chosen = new Set([...boxes].map((box) => /** @type {HTMLInputElement} */ (box).value));
    for (const code of codes) code.hidden = !chosen.has(code.dataset.noticeOf ?? "");
    const none = /** @type {HTMLElement | null} */ (preview.querySelector("[data-notice-none]"));
    if (none) none.hidden = codes.some((code) => !code.hidden);
  }
}

/** Show on the case what a reason rests on. @param {Element | null | undefined} reason */
function markGround(reason) {
  const ground = /** @type {HTMLSelectElement | null | undefined} */ (reason?.querySelector("[data-ground]"));
  const chosen = reason?.querySelector("input:checked");
  if (!ground || !chosen || !ground.value) return;
  for (const element of all(".linked")) element.classList.remove("linked");
  const field = workspace().querySelector(`.shown-field[data-key="${CSS.escape(ground.value)}"]`);
  field?.classList.add("linked");
  field?.scrollIntoView({ block: "nearest" });
  workspace().dispatchEvent(new CustomEvent("case:mark", { detail: ground.value }));
}

document.addEventListener("change", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.closest(".reason")) markGround(target.closest(".reason"));
});

// --- Overrides -----------------------------------------------------------------------

/** @param {HTMLInputElement | HTMLSelectElement} input */
function markOverride(input) {
  const row = /** @type {HTMLElement} */ (input.closest(".shown-field"));
  const changed = input.value.trim() !== (input.dataset.old ?? "").trim();
  row.classList.toggle("overridden", changed);
  const note = row.querySelector("[data-override]");
  if (note instanceof HTMLElement) note.hidden = !changed;
}

document.addEventListener("input", (event) => {
  const target = /** @type {HTMLInputElement} */ (event.target);
  if (!workspace()?.contains(target)) return;
  if (target.name === "outcome") showOutcome();
  if (target.closest(".reason")) showNotice();
  target.dataset.touched = "";
  if (target.dataset.old !== undefined) markOverride(target);
  if (target.form?.id === "decision") {
    draft?.touch();
    claimIfFree();
  }
});

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (!target.closest("[data-restore]")) return;
  const input = target.closest(".shown-field")?.querySelector("[data-old]");
  if (!(input instanceof HTMLInputElement || input instanceof HTMLSelectElement)) return;
  input.value = input.dataset.old ?? "";
  markOverride(input);
  draft?.touch();
  input.focus();
});

// --- Claim ---------------------------------------------------------------------------

/** Who begins to type takes the case, so that nobody else works on it meanwhile. */
async function claimIfFree() {
  const page = workspace();
  if (claiming || page.dataset.held === "true" || page.dataset.canTake !== "true") return;
  claiming = true;
  const response = await post(page.dataset.claim ?? "").catch(() => null);
  claiming = false;
  if (response?.ok) page.dataset.held = "true";
  refreshStanding();
}

function refreshStanding() {
  const group = `live:case.${workspace()?.dataset.case}`;
  document.body.dispatchEvent(new CustomEvent(group, { detail: {} }));
}

async function beat() {
  const page = workspace();
  if (page?.dataset.held !== "true" || document.hidden) return;
  const response = await post(page.dataset.heartbeat ?? "").catch(() => null);
  if (response?.status === 409) {
    page.dataset.held = "false";
    refreshStanding();
  }
}

// A third of the shortest usual lease: two may be lost before the claim is.
setInterval(beat, 60_000);

// --- Evidence opened and time active -------------------------------------------------

/** @param {Element} element */
function wasOpened(element) {
  const form = decision();
  const id = element.getAttribute("data-evidence") ?? element.getAttribute("data-played-evidence");
  if (!form || !id) return;
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("opened"));
  const opened = new Set(field.value.split(" ").filter(Boolean));
  if (opened.has(id)) return;
  opened.add(id);
  field.value = [...opened].join(" ");
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) wasOpened(entry.target);
  },
  { threshold: 0.2 },
);

// To see a recording is not to have heard it. Media events do not bubble.
document.addEventListener(
  "play",
  (event) => {
    const recording = /** @type {Element} */ (event.target).closest("[data-played-evidence]");
    if (!recording) return;
    wasOpened(recording);
    draft?.touch();
  },
  { capture: true },
);

setInterval(() => {
  const form = decision();
  if (!form || document.hidden || !document.hasFocus()) return;
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("active_seconds"));
  field.value = String(Number(field.value) + 1);
}, 1000);

// --- Undo ----------------------------------------------------------------------------

function countDown() {
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("[data-undo]"));
  if (!bar) return;
  const left = secondsLeft(Date.parse(bar.dataset.commitAt ?? ""), Date.now());
  const text = bar.querySelector("[data-countdown]");
  if (text) text.textContent = `${left} s`;
  if (left === 0) bar.remove();
}

setInterval(countDown, 250);

// --- Begin, again for each case that comes into the page ------------------------------

function begin() {
  if (!workspace() || workspace().dataset.begun) return;
  workspace().dataset.begun = "true";
  const form = decision();
  const state = workspace().querySelector("[data-draft-state]");
  draft = form ? new Draft(form, workspace().dataset.draft ?? "", post, state, judged, refreshStanding) : null;
  beginRows(workspace());
  seen.disconnect();
  for (const element of all("[data-evidence]")) seen.observe(element);
  for (const input of /** @type {HTMLInputElement[]} */ (all("[data-old]"))) markOverride(input);
  showOutcome();
  showNotice();
  countDown();
  showDocuments(workspace());
  const against = workspace().querySelector(".stands-against, [aria-invalid=true]");
  const invalid = /** @type {HTMLElement | null} */ (workspace().querySelector("[aria-invalid=true]"));
  if (invalid) invalid.focus();
  else if (!against) /** @type {HTMLElement | null} */ (workspace().querySelector(".case-pane"))?.focus({ preventScroll: true });
  catchUp();
  noteLook();
  afterwards(() => fetchAhead(workspace()));
}

/** Tell the server which revision is before the person: what changes later is marked for them. */
function noteLook() {
  const { look, revision = "" } = workspace().dataset;
  if (look) afterwards(() => post(look, new URLSearchParams({ revision })).catch(() => null));
}

/** Do it when the page has nothing else to do. @param {() => void} work */
const afterwards = (work) =>
  "requestIdleCallback" in window ? requestIdleCallback(work, { timeout: 2000 }) : setTimeout(work, 500);

// --- From one workspace to the next ---------------------------------------------------

/**
 * While another workspace is on its way this one sends nothing more: a key or a second Enter in a
 * hurry would act on a case that is about to vanish, and nobody would see it.
 */
document.addEventListener(
  "submit",
  (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.getAttribute("hx-target") !== "#workspace") return;
    if (leaving) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    setLeaving(form.matches("[data-undo-form]") ? "undo" : "other");
    // A late draft would outlive the decision; and once out of the page, a form has no fields.
    if (form === decision()) draft?.stop();
    else draft?.flush();
  },
  { capture: true },
);

/** Where the request failed this workspace goes on; a swap has brought one that has begun. */
document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = /** @type {CustomEvent<{ ctx: { target?: Element } }>} */ (event).detail;
  if (ctx.target === workspace()) setLeaving("");
});

/** @param {"" | "undo" | "other"} by */
function setLeaving(by) {
  leaving = by;
  if (!by) ahead = [];
  workspace().setAttribute("aria-busy", String(Boolean(by)));
}

/** Do what was pressed for this workspace, unless it says that something stood against it. */
function catchUp() {
  const pressed = workspace().querySelector(".stands-against") ? [] : ahead;
  setLeaving("");
  for (const key of pressed) {
    const act = meaning({ key });
    if (act && !leaving) DO[act.kind](act);
  }
}

/** What is about to vanish asks for nothing more, and what is folded needs nothing yet. */
document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = /** @type {CustomEvent<{ ctx: { target?: Element, sourceElement?: Element } }>} */ (event).detail;
  const source = ctx.sourceElement;
  if (!source || ctx.target === workspace() || !workspace()?.contains(source)) return;
  if (leaving || source.closest("details:not([open])")) event.preventDefault();
});

document.addEventListener("htmx:after:swap", begin);
window.addEventListener("pagehide", () => draft?.flush());
begin();
