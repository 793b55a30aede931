import { useEffect, useId, useMemo, useRef, useState } from "react";

import { fold } from "../doc/folding.js";
import { Icon } from "./Icon.jsx";

/** The items that match, with titles that begin with the query first. */
function filterItems(items, query) {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (!words.length) return items;
  const rank = (item) => {
    const text = fold(`${item.title} ${item.detail ?? ""} ${item.group ?? ""} ${item.key}`);
    const title = fold(item.title);
    if (!words.every((word) => text.includes(word))) return null;
    return title.startsWith(words[0]) ? 0 : title.includes(words[0]) ? 1 : 2;
  };
  return items.map((item) => [rank(item), item]).filter(([r]) => r !== null).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
}

/**
 * A search field with a list, for the palette, "Insert a step", "Connect to" and "Find a step".
 * Items are `{key, title, detail, group, icon, disabled, reason}`.
 */
export function Chooser({ items, label, placeholder, onChoose, onClose, autoFocus = false, draggable = false, empty = "Nothing found" }) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const field = useRef(null);
  const found = useMemo(() => filterItems(items, query), [items, query]);
  const current = Math.min(at, found.length - 1);
  useEffect(() => { if (autoFocus) field.current?.focus({ preventScroll: true }); }, [autoFocus]);
  useEffect(() => { document.getElementById(`${list}-${current}`)?.scrollIntoView({ block: "nearest" }); }, [current, list, query]);
  const choose = (item) => { if (item && !item.disabled) { onChoose(item); setQuery(""); } };
  const onKeyDown = (event) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((current + step + found.length) % Math.max(found.length, 1));
    else if (event.key === "Enter") choose(found[current]);
    else if (event.key === "Escape") onClose?.();
    else return;
    event.preventDefault();
  };
  return (
    <div className="chooser" role="search" aria-label={label}>
      <div className="chooser-field">
        <Icon name="search" />
        <input
          ref={field} type="text" role="combobox" aria-label={label} aria-expanded="true" aria-controls={list} aria-autocomplete="list"
          aria-activedescendant={found.length ? `${list}-${current}` : undefined} placeholder={placeholder} value={query} spellCheck="false" autoComplete="off"
          onChange={(event) => { setQuery(event.target.value); setAt(0); }} onKeyDown={onKeyDown}
        />
      </div>
      <div className="chooser-list" role="listbox" id={list} aria-label={label}>
        {found.map((item, index) => (
          <Item key={item.key} item={item} id={`${list}-${index}`} active={index === current} heading={!query && item.group !== found[index - 1]?.group ? item.group : null} draggable={draggable} onChoose={choose} />
        ))}
      </div>
      {!found.length && <p className="chooser-empty" role="status">{empty}</p>}
    </div>
  );
}

function Item({ item, id, active, heading, draggable, onChoose }) {
  return (
    <>
      {heading && <div className="chooser-group" role="presentation">{heading}</div>}
      <div
        id={id} role="option" aria-selected={active} aria-disabled={item.disabled || undefined} className="chooser-item" draggable={draggable || undefined} data-kind={item.kind} data-key={item.key}
        onDragStart={(event) => { event.dataTransfer.setData("application/x-step-type", item.key); event.dataTransfer.effectAllowed = "copy"; }}
        onClick={() => onChoose(item)}
      >
        <span className="chooser-icon"><Icon name={item.icon} /></span>
        <span className="chooser-words"><span>{item.title}</span>{(item.reason || item.detail) && <small>{item.reason || item.detail}</small>}</span>
        {item.keys && <kbd>{item.keys}</kbd>}
      </div>
    </>
  );
}
