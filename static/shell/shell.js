// @ts-check
// What every page does. A page that needs more loads its own module in the block `scripts`.

import { listenForKeys, openKeys } from "./keys.js";
import { startLive } from "./live.js";
import { listenForMenus } from "./menus.js";
import { startPalette } from "./palette.js";
import { listenForRequests } from "./requests.js";
import { refreshTimes } from "./times.js";
import { listenForToasts } from "./toasts.js";

const openPalette = startPalette();
listenForKeys();
listenForMenus();
listenForRequests();
listenForToasts();
startLive();

document.addEventListener("click", (event) => {
  const opener = /** @type {Element} */ (event.target).closest("[data-open]");
  const name = opener?.getAttribute("data-open");
  if (!name) return;
  event.preventDefault();
  if (name === "palette") openPalette();
  else if (name === "keys") openKeys();
  else /** @type {HTMLDialogElement | null} */ (document.getElementById(name))?.showModal?.();
});

document.addEventListener("click", (event) => {
  const copier = /** @type {Element} */ (event.target).closest("[data-copy]");
  if (!copier) return;
  const source = document.querySelector(copier.getAttribute("data-copy") ?? "");
  navigator.clipboard.writeText(source?.textContent?.trim() ?? "");
});

setInterval(() => refreshTimes(document, Date.now()), 10_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshTimes(document, Date.now());
});
