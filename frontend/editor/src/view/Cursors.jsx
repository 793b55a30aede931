import { ViewportPortal } from "@xyflow/react";

import { useKeyed } from "./context.js";

/** The pointers of other people. */
export function Cursors({ store }) {
  const people = useKeyed(store, "@cursors");
  if (!people?.length) return null;
  return (
    <ViewportPortal>
      {people.map(({ tab, person, at, hue }) => (
        <div key={tab} className="cursor" data-hue={hue} aria-hidden="true" style={{ transform: `translate(${at[0]}px, ${at[1]}px)` }}>
          <svg viewBox="0 0 16 16"><path d="M1 1l5 13 2-5.5L14 6z" /></svg>
          <span>{person}</span>
        </div>
      ))}
    </ViewportPortal>
  );
}
