// @ts-check
// Fields for files: what is chosen or dropped is sent at once, piece by piece, while the form is
// filled in. After a broken line it goes on where it was; after a reload too, once the same file is
// chosen again. Without this script the form sends its files itself.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** @typedef {{ id: string, received: number, size: number, piece?: number, reference?: object, error?: string }} Told */

const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

/** An answer that says no: sending it again would change nothing. */
class Refused extends Error {}

/**
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<{ status: number, told: Told }>}
 */
async function ask(url, options = {}) {
  const response = await fetch(url, { ...options, headers: { "X-CSRFToken": token, Accept: "application/json" } });
  if (response.status >= 500) throw new Error(`${response.status}`);
  const told = await response.json().catch(() => ({}));
  if (response.status >= 400 && response.status !== 409) throw new Refused(told.error ?? "You may not upload files here.");
  return { status: response.status, told };
}

/**
 * Send a file and return its reference. Raises: Refused, AbortError.
 * @param {File} file
 * @param {string} begin
 * @param {AbortSignal} signal
 * @param {(sent: number, broken: boolean) => void} show
 */
async function send(file, begin, signal, show) {
  const kept = `upload ${file.name} ${file.size} ${file.lastModified}`;
  const { id, piece } = await whileBroken(signal, show, 0, () => findUpload(file, begin, kept, signal));
  let sent = 0;
  const url = `${begin}${id}/`;
  sent = (await whileBroken(signal, show, sent, () => ask(url, { signal }))).told.received;
  for (;;) {
    const from = sent;
    const body = file.slice(from, from + piece);
    const { told } = await whileBroken(signal, show, sent, () =>
      ask(`${url}?offset=${from}`, { method: "PUT", body, signal }),
    );
    sent = told.received;
    show(sent, false);
    if (told.reference) {
      sessionStorage.removeItem(kept);
      return told.reference;
    }
  }
}

/**
 * Return the upload that was begun before for this file, else begin one.
 * @param {File} file
 * @param {string} begin
 * @param {string} kept
 * @param {AbortSignal} signal
 */
async function findUpload(file, begin, kept, signal) {
  const known = JSON.parse(sessionStorage.getItem(kept) ?? "null");
  if (known) {
    try {
      await ask(`${begin}${known.id}/`, { signal });
      return known;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  const about = new FormData();
  about.set("name", file.name);
  about.set("size", String(file.size));
  about.set("media_type", file.type);
  const { told } = await ask(begin, { method: "POST", body: about, signal });
  const begun = { id: told.id, piece: told.piece ?? file.size };
  sessionStorage.setItem(kept, JSON.stringify(begun));
  return begun;
}

/**
 * Try until there is an answer.
 * @template T
 * @param {AbortSignal} signal
 * @param {(sent: number, broken: boolean) => void} show
 * @param {number} sent
 * @param {() => Promise<T>} attempt
 * @returns {Promise<T>}
 */
async function whileBroken(signal, show, sent, attempt) {
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused || signal.aborted) throw error;
      show(sent, true);
      await pause(wait);
    }
  }
}

/** @param {number} bytes */
function inWords(bytes) {
  for (const [unit, size] of /** @type {[string, number][]} */ ([["MB", 1e6], ["kB", 1e3]]))
    if (bytes >= size) return `${(bytes / size).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit}`;
  return `${bytes} bytes`;
}

/** @param {HTMLElement} root */
function enhance(root) {
  const find = (/** @type {string} */ name) => /** @type {any} */ (root.querySelector(`[data-files-${name}]`));
  /** @type {HTMLInputElement} */ const value = find("value");
  /** @type {HTMLInputElement} */ const chooser = find("choose");
  /** @type {HTMLElement} */ const list = find("list");
  /** @type {HTMLTemplateElement} */ const row = find("row");
  const form = /** @type {HTMLFormElement} */ (root.closest("form"));
  const begin = root.dataset.begin ?? "";
  const sending = new Set();

  const read = () => /** @type {object[]} */ (JSON.parse(value.value || "[]"));
  const write = (/** @type {object[]} */ references) => {
    value.value = references.length ? JSON.stringify(references) : "";
  };

  const add = async (/** @type {File} */ file) => {
    const item = /** @type {HTMLElement} */ (/** @type {Element} */ (row.content.firstElementChild).cloneNode(true));
    const part = (/** @type {string} */ name) => /** @type {any} */ (item.querySelector(`[data-file-${name}]`));
    const stop = new AbortController();
    part("name").textContent = file.name;
    part("state").textContent = inWords(file.size);
    part("remove").setAttribute("aria-label", `Remove ${file.name}`);
    part("progress").setAttribute("aria-label", `Upload of ${file.name}`);
    part("remove").addEventListener("click", () => (item.dataset.state === "sending" ? stop.abort() : drop(item)));
    item.dataset.state = "sending";
    list.append(item);
    const show = (/** @type {number} */ sent, /** @type {boolean} */ broken) => {
      part("progress").value = file.size ? sent / file.size : 0;
      part("state").textContent = broken ? "No connection. It goes on by itself." : `${inWords(sent)} of ${inWords(file.size)}`;
    };
    const work = send(file, begin, stop.signal, show);
    sending.add(work);
    try {
      const reference = await work;
      write([...read(), reference]);
      part("progress").remove();
      part("state").textContent = inWords(file.size);
      item.dataset.reference = JSON.stringify(reference);
      item.dataset.state = "there";
    } catch (error) {
      if (stop.signal.aborted) return drop(item);
      part("progress").remove();
      part("state").textContent = /** @type {Error} */ (error).message;
      item.dataset.state = "refused";
    } finally {
      sending.delete(work);
    }
    return undefined;
  };

  const drop = (/** @type {HTMLElement} */ item) => {
    const dropped = item.dataset.reference;
    if (dropped) write(read().filter((each) => JSON.stringify(each) !== dropped));
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    (/** @type {HTMLElement | null | undefined} */ (next?.querySelector("button")) ?? chooser).focus();
  };

  const take = (/** @type {Iterable<File>} */ files) => {
    const chosen = [...files];
    if (!chosen.length) return;
    if (!("many" in root.dataset)) {
      for (const each of [...list.children]) drop(/** @type {HTMLElement} */ (each));
      chosen.length = 1;
    }
    chosen.forEach(add);
  };

  for (const item of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("li")))
    item.querySelector("button")?.addEventListener("click", () => drop(item));
  chooser.addEventListener("change", () => {
    take(chooser.files ?? []);
    // They are sent here, and not once more with the form.
    chooser.value = "";
  });
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.dataset.over = "";
  });
  root.addEventListener("dragleave", () => delete root.dataset.over);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    delete root.dataset.over;
    take(event.dataTransfer?.files ?? []);
  });
  form.addEventListener("submit", (event) => {
    if (!sending.size) return;
    event.preventDefault();
    find("status").textContent = "The run starts as soon as the files are here.";
    Promise.allSettled([...sending]).then(() => {
      find("status").textContent = "";
      if (!list.querySelector('[data-state="refused"]')) form.requestSubmit();
    });
  });
  root.dataset.ready = "";
}

for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-files]"))) enhance(root);
