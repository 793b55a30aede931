import { Background, BackgroundVariant, MarkerType, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode, ViewportPortal, applyNodeChanges, useReactFlow } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";

import { align } from "../doc/geometry.js";
import { formatEdge } from "../doc/operations/index.js";
import { findStartSteps } from "../doc/rules.js";
import { useActions } from "./actions.js";
import { Card } from "./Card.jsx";
import { CanvasContext } from "./context.js";
import { Cursors } from "./Cursors.jsx";
import { Deriver, GROUP, NOTE } from "./derive.js";
import { Group } from "./Group.jsx";
import { useKeys } from "./keys.js";
import { Line } from "./Line.jsx";
import { Note } from "./Note.jsx";
import { Palette } from "./Palette.jsx";
import { Permission } from "./Permission.jsx";
import { Popover } from "./Popover.jsx";
import { useLongPress } from "./press.js";
import { Toolbar } from "./Toolbar.jsx";

const NODE_TYPES = { step: Card, note: Note, group_of_steps: Group };
const EDGE_TYPES = { flow: Line };
const EDGE_DEFAULTS = { markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: "var(--edge)" } };
const FAR = 0.45;
const FEW = 12;
const MANY = 120;
const MINIMAP_STEPS = 1000;
const ALIGN_PX = 6;

export function Canvas(props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
}

function Inner({ model, host, options }) {
  const flow = useReactFlow();
  const root = useRef(null);
  const version = useSyncExternalStore(model.draft.subscribe, model.draft.snapshot);
  const [deriver] = useState(() => new Deriver());
  const [nodes, setNodes] = useState(() => deriver.deriveNodes(model.document, model, []));
  const [chosenEdges, setChosenEdges] = useState(() => new Set());
  const [zoom, setZoom] = useState(1);
  const [ui, setUi] = useReducer((state, change) => ({ ...state, ...change }), {
    popover: null, writing: null, hand: matchMedia("(pointer: coarse)").matches, map: true, palette: options.palette, guides: null, drawing: null,
  });
  const drawn = useRef(version);
  if (drawn.current !== version) {
    drawn.current = version;
    setNodes(deriver.deriveNodes(model.document, model, nodes));
  }
  const edges = useMemo(() => deriver.deriveEdges(model.document, chosenEdges), [deriver, model, version, chosenEdges]);
  const latest = useRef(null);
  latest.current = { nodes, chosenEdges, ui };

  const actions = useActions({ model, flow, root, host, latest, setNodes, setChosenEdges, setUi, options });
  host.actions = actions;
  const onKeyDown = useKeys({ model, actions, root, setUi });
  useClipboard(root, model, actions);

  const selected = nodes.filter((node) => node.selected).map((node) => node.id);
  const selection = `${selected.join(" ")}|${[...chosenEdges].join("|")}`;
  useEffect(() => {
    const steps = selected.filter((id) => !id.startsWith(NOTE) && !id.startsWith(GROUP));
    host.dispatchEvent(new CustomEvent("flow:select", { bubbles: true, detail: { steps, edges: [...chosenEdges] } }));
  }, [selection]);  

  const onNodesChange = useCallback((changes) => {
    const wanted = changes.filter((change) => change.type !== "remove" && (change.type !== "dimensions" || change.id.startsWith(NOTE)));
    alignDragged(wanted, latest.current, flow.getZoom(), setUi);
    setNodes((before) => applyNodeChanges(wanted, before));
  }, [flow]);
  const onEdgesChange = useCallback((changes) => {
    const picks = changes.filter((change) => change.type === "select");
    if (picks.length) setChosenEdges((before) => {
      const after = new Set(before);
      for (const { id, selected: on } of picks) on ? after.add(id) : after.delete(id);
      return after;
    });
  }, []);

  const onNodeDragStop = useCallback((_event, _node, dragged) => {
    const guides = latest.current.ui.guides;
    setUi({ guides: null });
    actions.endDrag(dragged, guides);
  }, [actions]);

  // After the click has been handled, as the menu is about what it selects.
  const menu = useCallback((event) => {
    event.preventDefault();
    const { clientX: x, clientY: y } = event;
    requestAnimationFrame(() => actions.openMenu({ x, y }));
  }, [actions]);

  const openMenuAt = useCallback((target, at) => {
    const [node, edge] = [target.closest(".react-flow__node"), target.closest(".react-flow__edge")].map((each) => each?.getAttribute("data-id"));
    // The menu is about what is selected, so that has to be drawn first.
    flushSync(() => {
      if (node && !latest.current.nodes.find((each) => each.id === node)?.selected) actions.select([node]);
      if (edge && model.document.edges.includes(edge)) actions.chooseEdge(edge);
    });
    actions.openMenu(at);
  }, [model, actions]);
  useLongPress(root, openMenuAt);

  const far = zoom < FAR;
  const edit = model.mode === "edit";
  const context = useMemo(() => ({
    ...model, far, canConnect: edit, writing: ui.writing, marks: model.marks, edit: model.edit,
    setWriting: (id) => { setUi({ writing: id }); if (!id) actions.focusRoot(); },
    fold: actions.fold, openInsert: (edge, point) => actions.openInsert(edge, actions.placePopover(null, point)),
  }), [model, far, edit, ui.writing, actions]);

  const count = nodes.length;
  const hasMap = count > FEW && count <= MINIMAP_STEPS;
  return (
    <CanvasContext.Provider value={context}>
      <div className="flow-root" data-mode={model.mode} data-hand={ui.hand || undefined} data-far={far || undefined}>
        {edit && <Palette model={model} open={ui.palette} onToggle={() => setUi({ palette: !ui.palette })} onChoose={actions.addType} />}
        <div
          className="flow-stage" ref={root} tabIndex={0} role="application" aria-label={options.label} aria-describedby={`${options.id}-help`}
          onKeyDown={onKeyDown} onDragOver={edit ? allowDrop : undefined} onDrop={edit ? actions.drop : undefined}
          onPointerMove={options.onPointer ? (event) => options.onPointer(flow.screenToFlowPosition({ x: event.clientX, y: event.clientY })) : undefined}
        >
          <ReactFlow
            nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} defaultEdgeOptions={EDGE_DEFAULTS}
            onNodesChange={onNodesChange} onEdgesChange={onEdgesChange} onNodeDragStop={onNodeDragStop}
            onSelectionDragStop={(event, dragged) => actions.endDrag(dragged, null)}
            onConnect={({ source, sourceHandle, target }) => actions.connect(source, sourceHandle, target)}
            isValidConnection={actions.maySnap} onConnectStart={(_event, from) => actions.startConnect(from)} onConnectEnd={actions.endConnect}
            onReconnectStart={(_event, edge) => actions.startReconnect(edge.data.text)}
            onReconnect={(edge, { source, sourceHandle, target }) => actions.reconnect(edge.data.text, formatEdge(source, sourceHandle, target))}
            onNodeDoubleClick={(_event, node) => node.type === "step" && actions.open(node.id)}
            onNodeContextMenu={(event, node) => { if (!node.selected) actions.select([node.id]); menu(event); }}
            onEdgeContextMenu={(event, edge) => { if (edge.data.whole) actions.chooseEdge(edge.data.text); menu(event); }}
            onPaneContextMenu={menu}
            onMove={(_event, viewport) => { setZoom((before) => (crossesFar(before, viewport.zoom) ? viewport.zoom : before)); }}
            onInit={() => { const whole = actions.openAt(options.focus || findStartSteps(model.document)[0]); setUi({ map: edit || !whole }); }}
            onlyRenderVisibleElements={count > MANY && zoom >= FAR}
            nodesDraggable={edit} nodesConnectable={edit} edgesReconnectable={edit} elementsSelectable
            nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y deleteKeyCode={null} selectionKeyCode={ui.hand ? "Shift" : null} multiSelectionKeyCode={["Meta", "Control", "Shift"]}
            panOnScroll zoomOnDoubleClick={false} selectionOnDrag={edit && !ui.hand} selectionMode={SelectionMode.Partial} panOnDrag={edit && !ui.hand ? [1, 2] : true} panActivationKeyCode="Space"
            snapToGrid snapGrid={SNAP} minZoom={0.08} maxZoom={2} connectionRadius={28} reconnectRadius={14} elevateNodesOnSelect={false} nodeDragThreshold={3}
            proOptions={PRO} attributionPosition="bottom-left"
          >
            <Background variant={BackgroundVariant.Dots} gap={16} size={1} />
            {ui.map && hasMap && <MiniMap pannable zoomable position="bottom-right" ariaLabel="Map of the flow" nodeClassName={(node) => `map-${node.type}`} />}
            {ui.guides && <Guides guides={ui.guides} />}
            <Cursors store={model.presence} />
          </ReactFlow>
          {!Object.keys(model.document.steps).length && <Empty edit={edit} onAdd={actions.openAdd} />}
          <Toolbar model={model} actions={actions} ui={ui} setUi={setUi} hasMap={hasMap} options={options} />
          <Permission root={root} drawing={ui.drawing} explainRefusal={actions.explainRefusal} />
          {ui.popover && <Popover {...ui.popover} onClose={actions.closePopover} />}
        </div>
        <p className="sr-only" id={`${options.id}-help`}>{edit ? HELP_EDIT : HELP_VIEW}</p>
      </div>
    </CanvasContext.Provider>
  );
}

const SNAP = [8, 8];
const PRO = { hideAttribution: false };
const HELP_EDIT = "Tab walks the graph along its edges, arrows move a step, Alt and an arrow go to the next card that way, slash adds a step, C connects, E lists the edges, Delete removes, Control Z undoes, Shift F finds, full stop lists everything that can be done. Escape, then Tab, leaves the canvas.";
const HELP_VIEW = "Tab walks the graph along its edges, Enter opens a step, Shift F finds, full stop lists everything that can be done. Escape, then Tab, leaves the canvas.";
const crossesFar = (before, after) => before < FAR !== after < FAR;
const allowDrop = (event) => { if (event.dataTransfer.types.includes("application/x-step-type")) event.preventDefault(); };

/** Line a card that is dragged alone up with the others, by changing its move before it is drawn. */
function alignDragged(changes, { nodes, ui }, zoom, setUi) {
  const moves = changes.filter((change) => change.type === "position" && change.dragging && change.position);
  const node = moves.length === 1 && nodes.find((each) => each.id === moves[0].id);
  if (!node) return;
  const others = nodes.filter((each) => each.id !== node.id && each.type === "step").map((each) => ({ ...each.position, ...each.measured }));
  const found = align({ ...moves[0].position, ...node.measured }, others, ALIGN_PX / zoom);
  const lines = found.vertical === null && found.horizontal === null ? null : found;
  if (lines) moves[0].position = { x: found.x, y: found.y };
  if (lines || ui.guides) setUi({ guides: lines });
}

function Guides({ guides }) {
  return (
    <ViewportPortal>
      {guides.vertical !== null && <div className="guide" data-way="vertical" style={{ transform: `translateX(${guides.vertical}px)` }} />}
      {guides.horizontal !== null && <div className="guide" data-way="horizontal" style={{ transform: `translateY(${guides.horizontal}px)` }} />}
    </ViewportPortal>
  );
}

function Empty({ edit, onAdd }) {
  return (
    <div className="canvas-empty">
      <p><strong>Nothing here yet</strong></p>
      <p>{edit ? "A flow is made of steps. Add the first one: what should happen when a run starts?" : "This flow has no steps."}</p>
      {edit && <button type="button" className="button primary" onClick={onAdd}>Add a step <kbd>/</kbd></button>}
    </div>
  );
}

/** Copy, cut and paste go through the system's clipboard as text, so that they cross tabs and flows. */
function useClipboard(root, model, actions) {
  useEffect(() => {
    const mine = (event) => root.current?.contains(document.activeElement) && !/^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "") && !event.defaultPrevented;
    const copy = (event) => {
      const text = mine(event) && actions.copySelection();
      if (!text) return;
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      if (event.type === "cut") actions.remove();
    };
    const paste = (event) => { if (mine(event) && actions.paste(event.clipboardData.getData("text/plain"))) event.preventDefault(); };
    const pairs = Object.entries({ copy, cut: copy, paste });
    for (const [name, listener] of pairs) document.addEventListener(name, listener);
    return () => { for (const [name, listener] of pairs) document.removeEventListener(name, listener); };
  }, [root, model, actions]);
}
