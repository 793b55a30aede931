import { useStore } from "@xyflow/react";

import { Icon } from "./Icon.jsx";

const percentOf = (/** @type {any} */ state) => Math.round(state.transform[2] * 100);

export function Toolbar({ model, actions, ui, setUi, hasMap, options }) {
  const edit = model.mode === "edit";
  const percent = useStore(percentOf);
  const button = (icon, label, act, extra = {}) => (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={act} {...extra}><Icon name={icon} /></button>
  );
  return (
    <div className="flow-toolbar" role="toolbar" aria-label="Canvas">
      {edit && button(ui.hand ? "hand" : "mouse-pointer-2", ui.hand ? "Drag moves the canvas: change to selecting" : "Drag selects: change to moving the canvas", () => setUi({ hand: !ui.hand }), { "aria-pressed": ui.hand })}
      {edit && <span className="bar-line" />}
      {edit && button("undo-2", "Undo (Ctrl Z)", actions.undo)}
      {edit && button("redo-2", "Redo (Ctrl Shift Z)", actions.redo)}
      {edit && <span className="bar-line" />}
      {edit && button("plus", "Add a step (/)", actions.openAdd)}
      {edit && button("sticky-note", "Add a note (N)", actions.addNote)}
      {edit && button("network", "Arrange (Shift L)", actions.arrange)}
      {button("search", "Find a step (Shift F)", actions.openFind)}
      <span className="bar-line" />
      {button("minus", "Zoom out (-)", () => actions.zoom(0.8))}
      <button type="button" className="zoom-level" title="Zoom to 100 % (Shift 0)" aria-label={`Zoom ${percent} %: set to 100 %`} onClick={actions.resetZoom}>{percent} %</button>
      {button("zoom-in", "Zoom in (+)", () => actions.zoom(1.25))}
      {button("scan-search", "Fit everything (Shift 1)", actions.fit)}
      {hasMap && button("map", ui.map ? "Hide the map" : "Show the map", () => setUi({ map: !ui.map }), { "aria-pressed": ui.map })}
      <span className="bar-line" />
      {button("fullscreen", "Full screen", () => options.fullscreen())}
      {button("ellipsis", "Everything that can be done here (.)", () => actions.openMenu())}
    </div>
  );
}
