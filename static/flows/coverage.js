// @ts-check
// Shows on the canvas which steps and edges were reached, by tests or by real runs.

/** @param {Element} by @param {any} canvas */
export async function showCoverage(by, canvas) {
  const group = /** @type {HTMLElement} */ (by.closest("[data-coverage]"));
  const said = /** @type {HTMLElement | null} */ (group.parentElement?.querySelector("[data-coverage-said]") ?? null);
  for (const each of group.querySelectorAll("[data-by]")) each.setAttribute("aria-pressed", String(each === by));
  const which = by.getAttribute("data-by");
  if (!which) return canvas.setStatuses({ steps: {}, edges: {} });
  const response = await fetch(`${group.dataset.coverage}?by=${which}`, { credentials: "same-origin" }).catch(
    () => null,
  );
  const told = response ? await response.json() : { steps: {}, edges: {}, said: "The coverage could not be loaded." };
  canvas.setStatuses(told);
  if (said) said.textContent = told.said;
  return undefined;
}
