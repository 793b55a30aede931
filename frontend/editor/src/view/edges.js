// @ts-check
// What can be done with edges: draw, insert a step, move an end; by drag, and from lists by key.

import { addStep, insertOnEdge, openPort, together } from "../doc/edits.js";
import { CARD } from "../doc/geometry.js";
import { formatEdge, parseEdge } from "../doc/operations/index.js";

/** @typedef {{fixed: "source" | "target", step: string, port: string, edge: string | null}} Drawing an edge of which one end is in the hand; `edge` is the one whose end is moved */

/** @param {any} canvas what the other actions lend */
export function makeEdgeActions({ model, flow, setUi, setChosenEdges, select, chosenSteps, latest, anchor, openPopover, closePopover, typeItems, stepItems, added, addType, focusCard, focusRoot, isStep, showPlace }) {
  const portsOf = model.ports;
  const typeOf = (/** @type {string} */ name) => model.typeByName.get(name);
  /** @type {Drawing | null} */
  let drawing = null;
  /** @type {string | null} */
  let moved = null;

  /** @param {string} edge @param {any} where */
  const openInsert = (edge, where) => {
    const [source, , target] = parseEdge(edge);
    openPopover({
      ...where, label: "Insert a step", placeholder: `Between ${model.title(source)} and ${model.title(target)}…`, items: typeItems(),
      onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); insert(edge, item.key); },
    });
  };

  /** @param {string} edge @param {string} name of the type */
  const insert = (edge, name) => {
    const type = typeOf(name);
    added(insertOnEdge(model.document, portsOf, type, edge), `Inserted ${type.title}`);
  };

  /** @param {string} source @param {string} port @param {string} target */
  const connect = (source, port, target) => {
    const why = model.refusal(source, port, target);
    if (why) return model.say(why, "bad");
    model.edit({ op: "connect", edge: formatEdge(source, port, target) }, `Connected ${model.title(source)}, port ${port}, to ${model.title(target)}`);
  };

  /** @param {string} edge @param {string} to */
  const reconnect = (edge, to) => {
    if (edge === to) return;
    const [source, port, target] = parseEdge(to);
    const why = model.refusal(source, port, target);
    if (why) model.say(why, "bad");
    else if (model.edit({ op: "reconnect", edge, to }, `Moved the edge: ${model.title(source)}, port ${port}, to ${model.title(target)}`)) setChosenEdges(new Set([to]));
  };

  /** @param {string} source @param {string} port */
  const openTargets = (source, port) => {
    const items = stepItems((/** @type {string} */ id) => {
      const reason = model.refusal(source, port, id);
      return { reason, disabled: Boolean(reason) };
    });
    openPopover({ ...anchor(source), label: `Connect ${port} to`, placeholder: `${model.title(source)}, ${port} → …`, items, onChoose: (/** @type {any} */ item) => { closePopover(); connect(source, port, item.key); focusCard(source); } });
  };

  /** @param {string} source @param {string[]} ports */
  const portItems = (source, ports) => {
    const used = model.used().get(source) ?? new Set();
    const free = openPort(model.document, source, ports);
    const items = [...ports, "error"].map((port) => ({ key: port, title: port, detail: used.has(port) ? "Connected already: one more makes it go both ways" : "Not connected", icon: port === "error" ? "circle-alert" : "chevron-right" }));
    return items.sort((a, b) => Number(b.key === free) - Number(a.key === free));
  };

  const openConnect = () => {
    const [source] = chosenSteps();
    if (!source) return model.say("Select a step first, then press C to connect it", "bad");
    const ports = portsOf(source);
    if (!ports.length) return model.say(model.refusal(source, "done", source) ?? "", "bad");
    openPopover({ ...anchor(source), label: "Connect from port", placeholder: `Connect ${model.title(source)} from…`, items: portItems(source, ports), onChoose: (/** @type {any} */ item) => openTargets(source, item.key) });
  };

  /** The edges of what is selected, or all: to choose one by key. @param {(edge: string) => void} onChosen */
  const openEdges = (onChosen) => {
    const among = new Set(chosenSteps());
    const edges = model.document.edges.map(parseEdge).filter((/** @type {string[]} */ e) => !among.size || among.has(e[0]) || among.has(e[2]));
    if (!edges.length) return model.say(among.size ? "No edge touches this step" : "There is no edge yet", "bad");
    const items = edges.map((/** @type {string[]} */ [source, port, target]) => ({
      key: formatEdge(source, port, target), title: `${model.title(source)} → ${model.title(target)}`, detail: `Port ${port}`, icon: port === "error" ? "circle-alert" : "arrow-right",
    }));
    openPopover({ ...anchor([...among][0] ?? null), label: "Choose an edge", placeholder: "Which edge?", items, onChoose: (/** @type {any} */ item) => { chooseEdge(item.key); requestAnimationFrame(() => onChosen(item.key)); } });
  };

  /** @param {string} edge */
  const chooseEdge = (edge) => {
    select([]);
    setChosenEdges(new Set([edge]));
    showPlace(parseEdge(edge)[0]);
  };

  /** @param {string} edge @param {"source" | "target"} end */
  const openMoveEnd = (edge, end) => {
    const [source, port, target] = parseEdge(edge);
    const refusal = (/** @type {string} */ id) => (end === "target" ? model.refusal(source, port, id) : model.refusal(id, openPort(model.document, id, portsOf(id)) ?? "done", target));
    const items = stepItems((/** @type {string} */ id) => ({ reason: refusal(id), disabled: Boolean(refusal(id)) }));
    openPopover({
      ...anchor(source), label: end === "target" ? "Lead the edge to" : "Let the edge begin at", placeholder: end === "target" ? `${model.title(source)}, ${port} → …` : `… → ${model.title(target)}`, items,
      onChoose: (/** @type {any} */ item) => {
        if (end === "target") { closePopover(); reconnect(edge, formatEdge(source, port, item.key)); }
        else openPopover({ ...anchor(item.key), label: "From which port", placeholder: `${model.title(item.key)}, port…`, items: portItems(item.key, portsOf(item.key)), onChoose: (/** @type {any} */ way) => { closePopover(); reconnect(edge, formatEdge(item.key, way.key, target)); } });
      },
    });
  };

  // --- By drag ---

  /** Live permission while an edge is dragged. @param {any} c */
  const maySnap = (c) => isStep(c.source) && isStep(c.target) && !model.refusal(c.source, c.sourceHandle, c.target);

  /** An end is taken up. @param {string | null} edge */
  const reconnectStart = (edge) => { moved = edge; };

  /** @param {any} from */
  const connectStart = ({ nodeId, handleId, handleType }) => {
    drawing = isStep(nodeId) ? { fixed: handleType, step: nodeId, port: handleId, edge: moved } : null;
    setUi({ drawing });
  };

  /** The edge that would be, were the end let go on a step. @param {Drawing} held @param {string} id @param {string | null} [port] */
  const wouldBe = (held, id, port) => {
    if (held.fixed === "source") return formatEdge(held.step, held.port, id);
    const own = held.edge ? parseEdge(held.edge)[1] : null;
    const wish = port ?? (own && portsOf(id).includes(own) ? own : openPort(model.document, id, portsOf(id)));
    return formatEdge(id, wish ?? "done", held.step);
  };

  /** Why an end may not be let go on a step. @param {Drawing} held @param {string} id @param {string | null} [port] @returns {string | null} */
  const whyNot = (held, id, port) => {
    const edge = wouldBe(held, id, port);
    if (edge === held.edge) return null;
    const [source, way, target] = parseEdge(edge);
    return model.refusal(source, way, target);
  };

  /** An end let go: on a step that refuses it, say why; on nothing, ask what to put there. @param {any} event @param {any} state */
  const connectEnd = (event, state) => {
    const held = drawing;
    drawing = moved = null;
    setUi({ drawing: null });
    if (state.isValid || !held) return;
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const { step, port } = under(point);
    if (step) return put(held, wouldBe(held, step, port));
    if (document.elementFromPoint(point.clientX, point.clientY)?.closest(".flow-stage")) openThere(held, point);
  };

  /** @param {Drawing} held @param {string} edge */
  const put = (held, edge) => {
    if (held.edge) return reconnect(held.edge, edge);
    const [source, port, target] = parseEdge(edge);
    connect(source, port, target);
  };

  /** @param {Drawing} held @param {{clientX: number, clientY: number}} point */
  const openThere = (held, point) => {
    const at = flow.screenToFlowPosition({ x: point.clientX, y: point.clientY });
    const follows = held.fixed === "source";
    openPopover({
      ...anchor(null, { x: point.clientX, y: point.clientY }), label: "Add a step here", placeholder: follows ? `After ${model.title(held.step)}, ${held.port}…` : `Before ${model.title(held.step)}…`,
      items: typeItems().filter((/** @type {any} */ item) => follows || typeOf(item.key).ports.length),
      onChoose: (/** @type {any} */ item) => {
        setUi({ popover: null });
        const place = [at.x - (follows ? 0 : CARD.width), at.y - CARD.header / 2];
        if (held.edge) return addMoved(held, typeOf(item.key), place);
        addType(item.key, follows ? { from: { step: held.step, port: held.port }, at: place } : { into: held.step, at: place });
      },
    });
  };

  /** A new step takes over an end of an edge. @param {Drawing} held @param {any} type @param {number[]} at */
  const addMoved = (held, type, at) => {
    const made = addStep(model.document, portsOf, type, { at: [at[0], at[1]] });
    const to = held.fixed === "source" ? formatEdge(held.step, held.port, made.id) : formatEdge(made.id, type.ports[0], held.step);
    added({ id: made.id, op: together(`Add ${type.title}`, [made.op, { op: "reconnect", edge: held.edge, to }]) }, `Added ${type.title}, and moved the edge to it`);
  };

  return {
    chooseEdge, connect, connectEnd, connectStart, insert, maySnap, openConnect, openEdges, openInsert, openMoveEnd, reconnect, reconnectStart, whyNot,
    chosenEdge: () => [...latest.current.chosenEdges][0] ?? null,
    leaveEdges: () => { setChosenEdges(new Set()); focusRoot(); },
  };
}

/** The step at a point of the screen, and its port if one is there. @param {{clientX: number, clientY: number}} point @returns {{step: string | null, port: string | null}} */
export function under({ clientX, clientY }) {
  const found = document.elementFromPoint(clientX, clientY);
  const card = found?.closest("[data-step]");
  return { step: card?.getAttribute("data-step") ?? null, port: found?.closest("[data-port]")?.getAttribute("data-port") ?? null };
}
