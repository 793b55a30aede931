// @ts-check
// What a cutoff would mean. The same sums as flows/lab/estimate.py; tests/js checks that they agree.

/**
 * @typedef {[value: number, portIf: string, portElse: string, went: string, decided: string]} Point
 * @typedef {{sign: string, people: string[], usual: Record<string, string>, minutes: number, points: Point[]}} Data
 */

const Z = 1.959963984540054;

/** @param {Data} data @param {number} at */
export function estimate(data, at) {
  const people = new Set(data.people);
  const found = { people: 0, newly: 0, judged: 0, wrong: 0, errors: 0, low: 0, high: 0 };
  for (const [value, portIf, portElse, went, decided] of data.points) {
    const port = holds(data.sign, value, at) ? portIf : portElse;
    if (people.has(port)) {
      found.people += 1;
    } else if (people.has(went)) {
      found.newly += 1;
      if (decided && data.usual[port]) {
        found.judged += 1;
        found.wrong += Number(decided !== data.usual[port]);
      }
    }
  }
  const [low, high] = computeWilsonInterval(found.wrong, found.judged);
  found.errors = found.judged ? (found.newly * found.wrong) / found.judged : 0;
  return { ...found, low: found.newly * low, high: found.newly * high };
}

/** @param {string} sign @param {number} value @param {number} at */
function holds(sign, value, at) {
  if (sign === ">=") return value >= at;
  if (sign === ">") return value > at;
  return sign === "<=" ? value <= at : value < at;
}

/**
 * Wilson's score interval at 95 %. flows/lab/intervals.py names its source.
 * @param {number} hits
 * @param {number} total
 * @returns {[number, number]}
 */
export function computeWilsonInterval(hits, total) {
  if (!total) return [0, 1];
  const share = hits / total;
  const centre = share + (Z * Z) / (2 * total);
  const spread = Z * Math.sqrt((share * (1 - share)) / total + (Z * Z) / (4 * total * total));
  const scale = 1 + (Z * Z) / total;
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)];
}
