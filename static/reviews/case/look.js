// @ts-check
// Tells the server which revision of the case the person looks at: what changes later is marked.

import { getWorkspace, post } from "./workspace.js";

export function recordLook() {
  const { look, revision = "" } = getWorkspace()?.dataset ?? {};
  if (look) post(look, new URLSearchParams({ revision })).catch(() => null);
}
