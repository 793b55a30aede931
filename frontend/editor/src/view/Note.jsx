import { NodeResizeControl } from "@xyflow/react";
import { memo, useEffect, useRef, useState } from "react";

import { useCanvas } from "./context.js";
import { NOTE } from "./derive.js";

/** A sticky note. Enter or a double click edits it; Escape or leaving it saves the text. */
export const Note = memo(function Note({ data, selected }) {
  const { mode, edit, writing, setWriting } = useCanvas();
  const { id, note } = data;
  const open = writing === NOTE + id;
  const close = (text) => {
    setWriting(null);
    if (text !== (note.text ?? "")) edit({ op: "set_note", id, path: "/text", value: text }, "Note changed");
  };
  return (
    <div className="note" data-colour={note.colour ?? "yellow"} data-selected={selected || undefined} tabIndex={-1} role="group" aria-roledescription="note" aria-label={note.text || "Empty note"} data-note={id} data-node={NOTE + id} onDoubleClick={() => mode === "edit" && setWriting(NOTE + id)}>
      {open ? <Writing text={note.text ?? ""} close={close} /> : <p>{note.text || "Double-click to write"}</p>}
      {mode === "edit" && selected && (
        <NodeResizeControl minWidth={96} minHeight={64} onResizeEnd={(_, size) => edit({ op: "set_note", id, path: "/size", value: [Math.round(size.width), Math.round(size.height)] }, "Note resized")} />
      )}
    </div>
  );
});

function Writing({ text, close }) {
  const [value, setValue] = useState(text);
  const field = useRef(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <textarea
      ref={field} className="nodrag nowheel" aria-label="Text of the note" value={value} maxLength={4000}
      onChange={(event) => setValue(event.target.value)} onBlur={() => close(value)}
      onKeyDown={(event) => { event.stopPropagation(); if (event.key === "Escape") event.currentTarget.blur(); }}
    />
  );
}
