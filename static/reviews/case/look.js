// @ts-check
// Tells the server which revision of the case the person looks at: what changes later is marked.

import { getWorkspace, post } from "./workspace.js";

// Who has left sooner has not looked, and a decision in a hurry has the server for itself.
const LOOK_MS = 1000;

export function recordLook() {
  const page = getWorkspace();
  const { look, revision = "" } = page?.dataset ?? {};
  if (!look) return;
  const send = () => page.isConnected && post(look, new URLSearchParams({ revision })).catch(() => null);
  setTimeout(send, LOOK_MS);
}
