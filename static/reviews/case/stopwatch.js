// @ts-check
// How long somebody worked on the case: the seconds in which its page had the focus.

import { getDecisionForm, getHiddenField } from "./workspace.js";

function countSecond() {
  const form = getDecisionForm();
  if (!form || document.hidden || !document.hasFocus()) return;
  const field = getHiddenField(form, "active_seconds");
  field.value = String(Number(field.value) + 1);
}

export const startStopwatch = () => setInterval(countSecond, 1000);
