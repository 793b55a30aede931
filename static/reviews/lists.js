// @ts-check
// Lists of queues and cases: N claims the next case. The frame handles J, K and Enter.

import { isTyping } from "../shell/keys.js";

document.addEventListener("keydown", (event) => {
  if (isTyping(event) || event.key.toLowerCase() !== "n") return;
  const row = document.activeElement?.closest("tr");
  const form = row?.querySelector("form") ?? document.querySelector("[data-next-form]");
  const button = form?.querySelector("button");
  if (!(form instanceof HTMLFormElement) || button?.disabled) return;
  event.preventDefault();
  form.requestSubmit();
});
