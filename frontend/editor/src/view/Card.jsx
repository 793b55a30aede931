import { Handle, Position } from "@xyflow/react";
import { memo, useState } from "react";
import { flushSync } from "react-dom";

import { portPlace } from "../doc/geometry.js";
import { own } from "../doc/operations/index.js";
import { isCheckpoint } from "../doc/rules.js";
import { Icon } from "./Icon.jsx";
import { useCanvas, useKeyed } from "./context.js";

const COARSE = matchMedia("(pointer: coarse)").matches;

/** A step. From far away it is only an icon and a title, as nothing else could be read. */
export const Card = memo(function Card({ id, data, selected }) {
  const { far, statuses, problems, presence, marks, looks, canConnect } = useCanvas();
  const { step, line, ports, type } = data;
  // Cards are mounted and removed while one pans. Until the pointer comes near, a port is a simple
  // dot, as each of React Flow's own costs several subscriptions. A press may follow at once, hence
  // flushSync.
  const [near, setNear] = useState(COARSE);
  const live = canConnect && (near || selected);
  const status = useKeyed(statuses, id);
  const found = useKeyed(problems, id);
  const others = useKeyed(presence, id);
  const mark = own(marks?.steps, id);
  const look = status && (looks[status.state] ?? { icon: "circle", word: status.state, tone: "idle" });
  const title = step.title || id.replaceAll("_", " ");
  return (
    <div
      className="step-card" tabIndex={-1} role="group" aria-roledescription="step" data-step={id} data-node={id}
      aria-label={describeCard(title, data, status, look, found, mark)}
      onPointerEnter={near ? undefined : () => flushSync(() => setNear(true))}
      data-kind={isCheckpoint(type) ? "people" : type?.category === "Logic" ? "logic" : "machine"} data-selected={selected || undefined}
      data-tone={look?.tone} data-state={status?.state} data-mark={mark} data-far={far || undefined}
    >
      <div className="step-head">
        <span className="step-icon"><Icon name={type?.icon ?? "box"} /></span>
        <span className="step-words">
          <span className="step-title">{title}</span>
          {!far && <span className="step-line">{status?.note || line || type?.title || step.type}</span>}
        </span>
      </div>
      {look && <span className="step-badge" data-tone={look.tone} title={look.word}><Icon name={look.icon} />{status.visits > 1 && <b>{status.visits}</b>}</span>}
      {found && <span className="step-problem" data-severity={found.severity} title={found.text}><Icon name={found.severity === "error" ? "circle-alert" : "triangle-alert"} />{found.count > 1 && <b>{found.count}</b>}</span>}
      {mark && <span className="step-mark">{mark}</span>}
      {others && <span className="step-others">{others.join(", ")}</span>}
      {!far && <Handle id="in" type="target" position={Position.Left} isConnectable={canConnect} className="port in" />}
      {!far && ports.length > 0 && [...ports, "error"].map((port) => (
        <Port key={port} port={port} ports={ports} live={live} />
      ))}
    </div>
  );
});

function Port({ port, ports, live }) {
  const { x, y, side } = portPlace(ports, port);
  const bottom = side === "bottom";
  const place = bottom ? { left: x } : { top: y };
  const where = bottom ? "below" : ports.length > 1 ? "row" : "beside";
  const name = bottom ? "port error" : "port";
  return (
    <>
      <span className="port-name" data-where={where} style={place}>{port}</span>
      {live ? (
        <Handle id={port} type="source" position={bottom ? Position.Bottom : Position.Right} style={place} className={name} data-port={port} />
      ) : (
        <div className={`react-flow__handle react-flow__handle-${side} source ${name}`} data-handleid={port} data-handlepos={side} data-port={port} style={place} />
      )}
    </>
  );
}

function describeCard(title, { id, line, ports, type }, status, look, found, mark) {
  const parts = [title, type?.title, line, look && `${look.word}${status.note ? `: ${status.note}` : ""}`, mark, found?.text];
  const exits = ports.length ? `exits ${ports.join(", ")}` : "ends a path";
  return [...parts, `named ${id}`, exits].filter(Boolean).join(". ");
}
