import { useEffect, useState } from "react";

import { findUnder } from "./edges.js";

/** While an edge is drawn, dims the steps that refuse it, and says why at the one under the pointer. */
export function Permission({ root, drawing, explainRefusal }) {
  const [shown, setSaid] = useState(null);
  useEffect(() => {
    if (!drawing) return undefined;
    // Only attributes change, as drawing hundreds of cards again would hold up the drag.
    const refusing = [...root.current.querySelectorAll(".step-card")].filter((card) => card.dataset.step !== drawing.step && explainRefusal(drawing, card.dataset.step));
    for (const card of refusing) card.setAttribute("data-refuses", "");
    let hasLeft = false;
    const follow = (event) => {
      const { step, port } = findUnder(event);
      hasLeft ||= step !== drawing.step;
      const reason = step && hasLeft ? explainRefusal(drawing, step, port) : null;
      const box = root.current.getBoundingClientRect();
      setSaid(reason ? { reason, left: event.clientX - box.left + 16, top: event.clientY - box.top + 16 } : null);
    };
    document.addEventListener("pointermove", follow);
    return () => {
      document.removeEventListener("pointermove", follow);
      for (const card of refusing) card.removeAttribute("data-refuses");
      setSaid(null);
    };
  }, [root, drawing, explainRefusal]);
  return shown && <p className="refusal" role="status" style={{ left: shown.left, top: shown.top }}>{shown.reason}</p>;
}
