// @ts-check
// Edits at random, repeatable by their seed.

/** @param {number} seed @returns {() => number} from 0 up to 1 */
export function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Some are names that every object seems to have.
const NAMES = [...Array.from({ length: 36 }, (_, i) => `s${i}`), "constructor", "toString", "hasOwnProperty", "__proto__"];
const PORTS = ["done", "error", "clear", "unsure"];

/** @param {() => number} random @param {any} document @returns {any} */
export function randomOperation(random, document, depth = 0) {
  /** @template T @param {T[]} from @returns {T} */
  const choose = (from) => from[Math.floor(random() * from.length)];
  const number = () => Math.floor(random() * 900);
  const steps = Object.keys(document.steps);
  const [one, other] = [choose(steps) ?? "gone", choose(steps) ?? "gone"];
  const edge = choose(document.edges) ?? "a.done -> b";
  if (depth === 0 && random() < 0.05) {
    return { op: "batch", operations: [1, 2, 3].map(() => randomOperation(random, document, 1)) };
  }
  const kinds = [
    () => ({
      op: "add_step", id: choose(NAMES), at: [number(), number()],
      step: { type: "transform", with: { value: `\${ steps.${one}.output }` } },
    }),
    () => ({ op: "connect", edge: `${one}.${choose(PORTS)} -> ${other}` }),
    () => ({ op: "connect", edge: `${other}.${choose(PORTS)} -> ${one}` }),
    () => ({ op: "move", steps: { [one]: [number(), number()], [other]: [number(), number()] } }),
    () => ({ op: "set_field", step: one, path: choose(["/title", "/with/a/b", "/with/value"]), value: choose([1, "x", `steps.${choose(NAMES)}.output`]) }),
    () => ({ op: "rename_step", id: one, to: choose(NAMES) }),
    () => ({ op: "disconnect", edge }),
    () => ({ op: "reconnect", edge, to: `${other}.${choose(PORTS)} -> ${one}` }),
    () => ({ op: "set_field", step: one, path: choose(["/title", "/with"]) }),
    () => ({ op: "set_flow", path: "/samples/first", value: { amount: number() } }),
    () => ({ op: "set_flow", path: "/tests", value: [{ stubs: { [one]: {}, [choose(NAMES)]: { output: number() } }, expect: { path: [one, choose(NAMES)], waits_at: other } }] }),
    () => ({ op: "add_note", id: choose(NAMES), note: { text: "hm" } }),
    () => ({ op: "set_note", id: choose(NAMES), path: "/text", value: String(number()) }),
    () => ({ op: "remove_note", id: choose(NAMES) }),
    () => ({ op: "add_group", id: choose(NAMES), group: { title: "G", steps: [...new Set([one, other, choose(NAMES)])] } }),
    () => ({ op: "set_group", id: choose(Object.keys(document.groups)) ?? "gone", path: choose(["/steps", "/steps/0", "/title"]), value: choose([[one, choose(NAMES)], one, choose(NAMES)]) }),
    () => ({ op: "remove_group", id: choose(NAMES) }),
    () => (random() < 0.6 ? { op: "remove_step", id: one } : { op: "move", notes: { [choose(NAMES)]: [1, 2] } }),
  ];
  return choose(kinds)();
}
