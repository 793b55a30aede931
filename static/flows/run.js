// @ts-check
// The run page: selecting a step on the graph marks its rows, and opening a row reveals its step.

const canvas = /** @type {HTMLElement & { reveal?: (step: string) => void } | null} */ (
  document.querySelector("flow-canvas")
);

/** @param {string[]} steps */
function markRows(steps) {
  let first = null;
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".step-row"))) {
    const chosen = steps.includes(row.dataset.step ?? "");
    row.toggleAttribute("data-marked", chosen);
    if (chosen) first ??= row;
  }
  first?.scrollIntoView({ block: "nearest" });
}

/** @param {Element} link */
function toggleDetail(link) {
  const open = link.getAttribute("aria-expanded") === "true";
  link.setAttribute("aria-expanded", String(!open));
  const detail = link.parentElement?.querySelector(".step-detail");
  if (open) {
    // Its answer may still be on the way, and would fill what was just closed.
    link.dispatchEvent(new Event("htmx:abort"));
    detail?.replaceChildren();
  }
  return !open;
}

canvas?.addEventListener("flow:select", (event) => {
  markRows(/** @type {CustomEvent<{ steps?: string[] }>} */ (event).detail.steps ?? []);
});

canvas?.addEventListener("flow:open", (event) => {
  const { step } = /** @type {CustomEvent<{ step: string }>} */ (event).detail;
  const rows = document.querySelectorAll(`.step-row[data-step="${CSS.escape(step)}"] .step-link`);
  /** @type {HTMLElement | undefined} */ ([...rows].at(-1))?.click();
});

// Before htmx sees the click: a second click closes what the first one fetched.
document.addEventListener(
  "click",
  (event) => {
    const link = /** @type {Element} */ (event.target).closest(".step-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!toggleDetail(link)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    canvas?.reveal?.(link.closest(".step-row")?.getAttribute("data-step") ?? "");
  },
  { capture: true },
);
