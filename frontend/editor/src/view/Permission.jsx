import { useEffect, useState } from "react";

import { under } from "./edges.js";

/** While an edge is drawn: the steps that refuse it are dimmed, and the one under the pointer says why. */
export function Permission({ root, drawing, whyNot }) {
  const [said, setSaid] = useState(null);
  useEffect(() => {
    if (!drawing) return undefined;
    // On the elements alone: to draw hundreds of cards anew would hold up the drag.
    const refusing = [...root.current.querySelectorAll(".step-card")].filter((card) => card.dataset.step !== drawing.step && whyNot(drawing, card.dataset.step));
    for (const card of refusing) card.setAttribute("data-refuses", "");
    let away = false;
    const follow = (event) => {
      const { step, port } = under(event);
      away ||= step !== drawing.step;
      const reason = step && away ? whyNot(drawing, step, port) : null;
      const box = root.current.getBoundingClientRect();
      setSaid(reason ? { reason, left: event.clientX - box.left + 16, top: event.clientY - box.top + 16 } : null);
    };
    document.addEventListener("pointermove", follow);
    return () => {
      document.removeEventListener("pointermove", follow);
      for (const card of refusing) card.removeAttribute("data-refuses");
      setSaid(null);
    };
  }, [root, drawing, whyNot]);
  return said && <p className="refusal" role="status" style={{ left: said.left, top: said.top }}>{said.reason}</p>;
}
