// @ts-check
// Fetches the documents of the next case before anybody asks for them.

/** @type {Set<string>} */
const fetched = new Set();

/**
 * Bring the documents of the next case into the browser's cache. Nothing there goes stale: an
 * address belongs to one case, and what it leads to never changes.
 * @param {HTMLElement} workspace
 */
export async function fetchAhead(workspace) {
  const urls = workspace.querySelector("[data-ahead]")?.getAttribute("data-ahead") ?? "";
  for (const url of urls.split(" ").filter((each) => each && !fetched.has(each))) {
    fetched.add(url);
    // Read to the end, for the browser caches only whole answers.
    await fetch(url, { priority: "low" }).then((answer) => answer.arrayBuffer()).catch(() => null);
  }
}
