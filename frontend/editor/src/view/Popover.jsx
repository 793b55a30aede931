import { useEffect, useRef } from "react";

import { Chooser } from "./Chooser.jsx";

export function Popover({ left, top, look, items, label, placeholder, onChoose, onClose }) {
  const box = useRef(null);
  useEffect(() => {
    const outside = (event) => { if (!box.current?.contains(event.target)) onClose(); };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [onClose]);
  return (
    <div className="popover" data-look={look} role="dialog" aria-label={label} ref={box} style={{ left, top }}>
      <Chooser key={placeholder} items={items} label={label} placeholder={placeholder} onChoose={onChoose} onClose={onClose} autoFocus />
    </div>
  );
}
