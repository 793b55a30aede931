import { useMemo } from "react";

import { isCheckpoint } from "../doc/rules.js";
import { Chooser } from "./Chooser.jsx";
import { Icon } from "./Icon.jsx";

/** The step types, to drag, click or choose with Enter. */
export function Palette({ model, open, onToggle, onChoose }) {
  const items = useMemo(() => model.types.map((type) => ({ key: type.name, title: type.title, detail: type.summary, group: type.category, icon: type.icon, kind: isCheckpoint(type) ? "people" : undefined })), [model]);
  return (
    <aside className="flow-palette" data-open={open || undefined} aria-label="Steps to add">
      <button type="button" className="icon-button pane-toggle" aria-expanded={open} aria-label={open ? "Hide the palette" : "Show the palette"} title="Palette" onClick={onToggle}><Icon name={open ? "chevron-left" : "plus"} /></button>
      {open && <Chooser items={items} label="Find a step type" placeholder="Find a step type" draggable onChoose={(item) => onChoose(item.key)} empty="No step type like that" />}
    </aside>
  );
}
