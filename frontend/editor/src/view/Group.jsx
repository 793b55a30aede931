import { Handle, Position } from "@xyflow/react";
import { memo } from "react";

import { Icon } from "./Icon.jsx";
import { useCanvas } from "./context.js";
import { GROUP } from "./derive.js";

/** A group of steps. Folded, it is a single card. */
export const Group = memo(function Group({ data, selected }) {
  const { mode, fold, edit, writing, setWriting } = useCanvas();
  const { id, group, members, collapsed } = data;
  const naming = writing === GROUP + id;
  const title = group.title || "Group";
  const count = `${members.length} ${members.length === 1 ? "step" : "steps"}`;
  const rename = (text) => {
    setWriting(null);
    if (text && text !== group.title) edit({ op: "set_group", id, path: "/title", value: text }, `Group renamed to ${text}`);
  };
  return (
    <div className="group-box" data-collapsed={collapsed || undefined} data-selected={selected || undefined} role="group" aria-roledescription="group of steps" aria-label={`Group ${title}, ${count}${collapsed ? ", folded" : ""}`} tabIndex={-1} data-group={id} data-node={GROUP + id}>
      <div className="group-bar">
        <button type="button" className="nodrag group-fold" aria-expanded={!collapsed} aria-label={`${collapsed ? "Unfold" : "Fold"} ${title}`} onClick={() => fold(id, !collapsed)}>
          <Icon name={collapsed ? "chevron-right" : "chevron-down"} />
        </button>
        {naming ? (
          <input className="nodrag" autoFocus onFocus={(event) => event.currentTarget.select()} defaultValue={title} aria-label="Name of the group" maxLength={120} onBlur={(event) => rename(event.target.value.trim())} onKeyDown={(event) => { event.stopPropagation(); if (event.key === "Enter") event.currentTarget.blur(); if (event.key === "Escape") setWriting(null); }} />
        ) : (
          <span className="group-title" onDoubleClick={() => mode === "edit" && setWriting(GROUP + id)}>{title}</span>
        )}
        <span className="group-count">{count}</span>
      </div>
      {collapsed && <Handle id="in" type="target" position={Position.Left} isConnectable={false} className="port in" />}
      {collapsed && <Handle id="out" type="source" position={Position.Right} isConnectable={false} className="port" />}
    </div>
  );
});
