// @ts-check
// The flow as a picture, drawn from the document, so that it is complete whatever is on screen.

import { CARD, boundBoxes, cardBox, cardHeight, portPlace } from "../doc/geometry.js";
import { own, parseEdge } from "../doc/operations/index.js";
import { isCheckpoint } from "../doc/rules.js";

const MARGIN = 48;
const MAX_PNG_SIDE = 8000;

/** @param {any} model @param {"svg" | "png"} kind */
export async function savePicture(model, kind) {
  const svg = drawPicture(model, readColours());
  const blob = new Blob([svg.text], { type: "image/svg+xml" });
  const name = `${model.document.name ?? "flow"}.${kind}`;
  if (kind === "svg") return download(blob, name);
  download(await toPng(blob, svg.width, svg.height), name);
  model.say(`Saved ${name}`);
}

function readColours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = Object.fromEntries(["canvas", "surface", "line-strong", "text", "text-muted", "accent", "bad"].map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, toRgb(getComputedStyle(probe).color)];
  }));
  probe.remove();
  return found;
}

/** The colour as rgb(), for programs that do not know oklch. @param {string} colour */
function toRgb(colour) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return `rgb(${r},${g},${b})`;
}

const escapeXml = (/** @type {any} */ text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const shorten = (/** @type {string} */ text, /** @type {number} */ most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** @param {any} model @param {{[name: string]: string}} c */
export function drawPicture(model, c) {
  const { document: doc } = model;
  const boxes = Object.fromEntries(Object.keys(doc.steps).map((id) => [id, cardBox(doc, id, model.ports(id))]));
  const notes = Object.values(doc.notes).map((/** @type {any} */ n) => ({ x: n.at?.[0] ?? 0, y: n.at?.[1] ?? 0, width: n.size?.[0] ?? 208, height: n.size?.[1] ?? 112, text: n.text ?? "" }));
  const all = boundBoxes([...Object.values(boxes), ...notes], MARGIN);
  const parts = [
    `<rect x="${all.x}" y="${all.y}" width="${all.width}" height="${all.height}" fill="${c.canvas}"/>`,
    ...notes.map((n) => `<g><rect x="${n.x}" y="${n.y}" width="${n.width}" height="${n.height}" rx="6" fill="#fdf3c4"/><text x="${n.x + 12}" y="${n.y + 24}" font-size="13" fill="#3d3413">${escapeXml(shorten(n.text, 200))}</text></g>`),
    ...doc.edges.map((/** @type {string} */ edge) => drawLine(model, boxes, edge, c)),
    ...Object.keys(doc.steps).map((id) => drawCard(model, own(boxes, id), id, c)),
  ];
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${all.x} ${all.y} ${all.width} ${all.height}" width="${all.width}" height="${all.height}" font-family="Inter, system-ui, sans-serif"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${c["line-strong"]}"/></marker></defs>${parts.join("")}</svg>`;
  return { text, width: all.width, height: all.height };
}

/** @param {any} model @param {any} boxes @param {string} edge @param {any} c */
function drawLine(model, boxes, edge, c) {
  const [source, port, target] = parseEdge(edge);
  const [from, to] = [own(boxes, source), own(boxes, target)];
  if (!from || !to) return "";
  const place = portPlace(model.ports(source), port);
  const [x1, y1, x2, y2] = [from.x + place.x, from.y + place.y, to.x, to.y + CARD.header / 2];
  const bend = Math.max(48, Math.abs(x2 - x1) / 2);
  const start = place.side === "bottom" ? `${x1} ${y1 + bend}` : `${x1 + bend} ${y1}`;
  return `<path d="M${x1} ${y1}C${start} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="${port === "error" ? c.bad : c["line-strong"]}" stroke-width="1.5" marker-end="url(#tip)"/>`;
}

/** @param {any} model @param {any} box @param {string} id @param {any} c */
function drawCard(model, box, id, c) {
  const ports = model.ports(id);
  const people = isCheckpoint(model.type(id));
  const names = ports.length > 1 ? ports.map((/** @type {string} */ port) => `<text x="${box.x + CARD.width - 16}" y="${box.y + portPlace(ports, port).y + 4}" text-anchor="end" font-size="12" fill="${c["text-muted"]}">${escapeXml(port)}</text>`) : [];
  const icon = model.icons[model.type(id)?.icon ?? "box"] ?? "";
  return `<g><rect x="${box.x}" y="${box.y}" width="${CARD.width}" height="${cardHeight(ports)}" rx="${people ? 16 : 8}" fill="${c.surface}" stroke="${people ? c.accent : c["line-strong"]}" stroke-width="${people ? 2 : 1}"/><g transform="translate(${box.x + 16} ${box.y + 22}) scale(0.84)" fill="none" stroke="${c.accent}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${icon}</g><text x="${box.x + 52}" y="${box.y + 28}" font-size="14" font-weight="600" fill="${c.text}">${escapeXml(shorten(model.title(id), 24))}</text><text x="${box.x + 52}" y="${box.y + 46}" font-size="12" fill="${c["text-muted"]}">${escapeXml(shorten(model.line(id), 30))}</text>${names.join("")}</g>`;
}

/** @param {Blob} blob @param {number} width @param {number} height @returns {Promise<Blob>} */
async function toPng(blob, width, height) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  const scale = Math.min(2, MAX_PNG_SIDE / Math.max(width, height));
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => canvas.toBlob((made) => done(/** @type {Blob} */ (made)), "image/png"));
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
