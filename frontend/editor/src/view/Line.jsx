import { BaseEdge, getBezierPath, getSmoothStepPath } from "@xyflow/react";
import { memo } from "react";

import { own } from "../doc/operations/index.js";
import { useCanvas, useKeyed } from "./context.js";

const BELOW = 112;

/** An edge. One that leads back runs at right angles, so that a loop looks like a loop. */
export const Line = memo(function Line(props) {
  const { data, selected, markerEnd, id } = props;
  const { lines, marks, mode, openInsert } = useCanvas();
  const state = useKeyed(lines, data.text);
  const back = props.targetX < props.sourceX + 24;
  const [path, x, y] = back ? getSmoothStepPath({ ...props, borderRadius: 12, offset: 28, centerY: Math.max(props.sourceY, props.targetY) + BELOW }) : getBezierPath(props);
  const mark = own(marks?.edges, data.text);
  return (
    <g className="flow-line" data-selected={selected || undefined} data-state={state?.state} data-mark={mark} data-back={back || undefined}>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} interactionWidth={24} />
      {state?.count > 0 && <text className="line-count" x={x} y={y - 8}>{state.count}</text>}
      {mode === "edit" && data.whole && (
        <g className="line-insert" transform={`translate(${x} ${y})`} onClick={(event) => { event.stopPropagation(); openInsert(data.text, { x: event.clientX, y: event.clientY + 12 }); }}>
          <circle r="12" />
          <path d="M-4 0H4M0-4V4" />
          <title>Insert a step here</title>
        </g>
      )}
    </g>
  );
});

