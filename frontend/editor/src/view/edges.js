// @ts-check
// Actions on edges: draw one, insert a step, move an end; by dragging, and from lists with the keyboard.

import { addStep, insertOnEdge, findOpenPort, combine } from "../doc/edits.js";
import { CARD } from "../doc/geometry.js";
import { formatEdge, parseEdge } from "../doc/operations/index.js";

/** @typedef {{fixed: "source" | "target", step: string, port: string, edge: string | null}} Drawing an edge that is being drawn; `edge` is the one whose end is being moved, or null */

/** @param {any} canvas the model, the view and the other actions */
export function makeEdgeActions({ model, flow, setUi, setChosenEdges, select, listChosenSteps, latest, placePopover, openPopover, closePopover, listTypeItems, listStepItems, addAndReveal, addType, focusCard, focusRoot, isStep, showPlace }) {
  const portsOf = model.ports;
  const typeOf = (/** @type {string} */ name) => model.typeByName.get(name);
  /** @type {Drawing | null} */
  let drawing = null;
  /** @type {string | null} */
  let movedEdge = null;

  /** @param {string} edge @param {any} where */
  const openInsert = (edge, where) => {
    const [source, , target] = parseEdge(edge);
    openPopover({
      ...where, label: "Insert a step", placeholder: `Between ${model.title(source)} and ${model.title(target)}…`, items: listTypeItems(),
      onChoose: (/** @type {any} */ item) => { setUi({ popover: null }); insert(edge, item.key); },
    });
  };

  /** @param {string} edge @param {string} name of the type */
  const insert = (edge, name) => {
    const type = typeOf(name);
    addAndReveal(insertOnEdge(model.document, portsOf, type, edge), `Inserted ${type.title}`);
  };

  /** @param {string} source @param {string} port @param {string} target */
  const connect = (source, port, target) => {
    const why = model.explainRefusal(source, port, target);
    if (why) return model.say(why, "bad");
    model.edit({ op: "connect", edge: formatEdge(source, port, target) }, `Connected ${model.title(source)}, port ${port}, to ${model.title(target)}`);
  };

  /** @param {string} edge @param {string} to */
  const reconnect = (edge, to) => {
    if (edge === to) return;
    const [source, port, target] = parseEdge(to);
    const why = model.explainRefusal(source, port, target);
    if (why) model.say(why, "bad");
    else if (model.edit({ op: "reconnect", edge, to }, `Moved the edge: ${model.title(source)}, port ${port}, to ${model.title(target)}`)) setChosenEdges(new Set([to]));
  };

  /** @param {string} source @param {string} port */
  const openTargets = (source, port) => {
    const items = listStepItems((/** @type {string} */ id) => {
      const reason = model.explainRefusal(source, port, id);
      return { reason, disabled: Boolean(reason) };
    });
    openPopover({ ...placePopover(source), label: `Connect ${port} to`, placeholder: `${model.title(source)}, ${port} → …`, items, onChoose: (/** @type {any} */ item) => { closePopover(); connect(source, port, item.key); focusCard(source); } });
  };

  /** @param {string} source @param {string[]} ports */
  const listPortItems = (source, ports) => {
    const usedPorts = model.listUsedPorts().get(source) ?? new Set();
    const free = findOpenPort(model.document, source, ports);
    const items = [...ports, "error"].map((port) => ({ key: port, title: port, detail: usedPorts.has(port) ? "Connected already: with another edge a run goes both ways" : "Not connected", icon: port === "error" ? "circle-alert" : "chevron-right" }));
    return items.sort((a, b) => Number(b.key === free) - Number(a.key === free));
  };

  const openConnect = () => {
    const [source] = listChosenSteps();
    if (!source) return model.say("Select a step first, then press C to connect it", "bad");
    const ports = portsOf(source);
    if (!ports.length) return model.say(model.explainRefusal(source, "done", source) ?? "", "bad");
    openPopover({ ...placePopover(source), label: "Connect from port", placeholder: `Connect ${model.title(source)} from…`, items: listPortItems(source, ports), onChoose: (/** @type {any} */ item) => openTargets(source, item.key) });
  };

  /** List the edges of the selection, or all, to choose one with the keyboard. @param {(edge: string) => void} onChosen */
  const openEdges = (onChosen) => {
    const among = new Set(listChosenSteps());
    const edges = model.document.edges.map(parseEdge).filter((/** @type {string[]} */ e) => !among.size || among.has(e[0]) || among.has(e[2]));
    if (!edges.length) return model.say(among.size ? "This step has no edges" : "There are no edges yet", "bad");
    const items = edges.map((/** @type {string[]} */ [source, port, target]) => ({
      key: formatEdge(source, port, target), title: `${model.title(source)} → ${model.title(target)}`, detail: `Port ${port}`, icon: port === "error" ? "circle-alert" : "arrow-right",
    }));
    openPopover({ ...placePopover([...among][0] ?? null), label: "Choose an edge", placeholder: "Which edge?", items, onChoose: (/** @type {any} */ item) => { chooseEdge(item.key); requestAnimationFrame(() => onChosen(item.key)); } });
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
    const explain = (/** @type {string} */ id) => (end === "target" ? model.explainRefusal(source, port, id) : model.explainRefusal(id, findOpenPort(model.document, id, portsOf(id)) ?? "done", target));
    const items = listStepItems((/** @type {string} */ id) => ({ reason: explain(id), disabled: Boolean(explain(id)) }));
    openPopover({
      ...placePopover(source), label: end === "target" ? "Lead the edge to" : "Let the edge begin at", placeholder: end === "target" ? `${model.title(source)}, ${port} → …` : `… → ${model.title(target)}`, items,
      onChoose: (/** @type {any} */ item) => {
        if (end === "target") { closePopover(); reconnect(edge, formatEdge(source, port, item.key)); }
        else openPopover({ ...placePopover(item.key), label: "From which port", placeholder: `${model.title(item.key)}, port…`, items: listPortItems(item.key, portsOf(item.key)), onChoose: (/** @type {any} */ way) => { closePopover(); reconnect(edge, formatEdge(item.key, way.key, target)); } });
      },
    });
  };

  // --- By drag ---

  /** Whether the edge that is dragged may end there. @param {any} c */
  const maySnap = (c) => isStep(c.source) && isStep(c.target) && !model.explainRefusal(c.source, c.sourceHandle, c.target);

  /** The end of an edge is picked up. @param {string | null} edge */
  const startReconnect = (edge) => { movedEdge = edge; };

  /** @param {any} from */
  const startConnect = ({ nodeId, handleId, handleType }) => {
    drawing = isStep(nodeId) ? { fixed: handleType, step: nodeId, port: handleId, edge: movedEdge } : null;
    setUi({ drawing });
  };

  /** The edge that there would be if the end were let go on a step. @param {Drawing} held @param {string} id @param {string | null} [port] */
  const makeEdge = (held, id, port) => {
    if (held.fixed === "source") return formatEdge(held.step, held.port, id);
    const own = held.edge ? parseEdge(held.edge)[1] : null;
    const wish = port ?? (own && portsOf(id).includes(own) ? own : findOpenPort(model.document, id, portsOf(id)));
    return formatEdge(id, wish ?? "done", held.step);
  };

  /** The reason why an end may not be let go on a step, or null. @param {Drawing} held @param {string} id @param {string | null} [port] @returns {string | null} */
  const explainRefusal = (held, id, port) => {
    const edge = makeEdge(held, id, port);
    if (edge === held.edge) return null;
    const [source, way, target] = parseEdge(edge);
    return model.explainRefusal(source, way, target);
  };

  /** An end is let go: on a step, connect it or say why not; elsewhere, ask what to add there. @param {any} event @param {any} state */
  const endConnect = (event, state) => {
    const held = drawing;
    drawing = movedEdge = null;
    setUi({ drawing: null });
    if (state.isValid || !held) return;
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const { step, port } = findUnder(point);
    if (step) return placeEnd(held, makeEdge(held, step, port));
    if (document.elementFromPoint(point.clientX, point.clientY)?.closest(".flow-stage")) openAddHere(held, point);
  };

  /** @param {Drawing} held @param {string} edge */
  const placeEnd = (held, edge) => {
    if (held.edge) return reconnect(held.edge, edge);
    const [source, port, target] = parseEdge(edge);
    connect(source, port, target);
  };

  /** @param {Drawing} held @param {{clientX: number, clientY: number}} point */
  const openAddHere = (held, point) => {
    const at = flow.screenToFlowPosition({ x: point.clientX, y: point.clientY });
    const follows = held.fixed === "source";
    openPopover({
      ...placePopover(null, { x: point.clientX, y: point.clientY }), label: "Add a step here", placeholder: follows ? `After ${model.title(held.step)}, ${held.port}…` : `Before ${model.title(held.step)}…`,
      items: listTypeItems().filter((/** @type {any} */ item) => follows || typeOf(item.key).ports.length),
      onChoose: (/** @type {any} */ item) => {
        setUi({ popover: null });
        const place = [at.x - (follows ? 0 : CARD.width), at.y - CARD.header / 2];
        if (held.edge) return addMoved(held, typeOf(item.key), place);
        addType(item.key, follows ? { from: { step: held.step, port: held.port }, at: place } : { into: held.step, at: place });
      },
    });
  };

  /** Add a step and move an end of the edge to it. @param {Drawing} held @param {any} type @param {number[]} at */
  const addMoved = (held, type, at) => {
    const made = addStep(model.document, portsOf, type, { at: [at[0], at[1]] });
    const to = held.fixed === "source" ? formatEdge(held.step, held.port, made.id) : formatEdge(made.id, type.ports[0], held.step);
    addAndReveal({ id: made.id, op: combine(`Add ${type.title}`, [made.op, { op: "reconnect", edge: held.edge, to }]) }, `Added ${type.title}, and moved the edge to it`);
  };

  return {
    chooseEdge, connect, endConnect, startConnect, insert, maySnap, openConnect, openEdges, openInsert, openMoveEnd, reconnect, startReconnect, explainRefusal,
    findChosenEdge: () => [...latest.current.chosenEdges][0] ?? null,
    leaveEdges: () => { setChosenEdges(new Set()); focusRoot(); },
  };
}

/** The step at a point of the screen, and its port if there is one. @param {{clientX: number, clientY: number}} point @returns {{step: string | null, port: string | null}} */
export function findUnder({ clientX, clientY }) {
  const found = document.elementFromPoint(clientX, clientY);
  const card = found?.closest("[data-step]");
  return { step: card?.getAttribute("data-step") ?? null, port: found?.closest("[data-port]")?.getAttribute("data-port") ?? null };
}
