"""Render a JSON value as a tree that opens and closes without a script."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

MAX_DEPTH = 12
MAX_ITEMS = 200
OPEN_DEPTH = 2


def render_json(value: Any, key: str | None = None, depth: int = 0) -> SafeString:
    """Return nested lists: of 200 items at most and a count of the rest, down to 12 levels."""
    label = SafeString()
    if key is not None:
        label = format_html('<span class="json-key">{}</span>: ', key)
    if isinstance(value, dict) and value and depth < MAX_DEPTH:
        return _branch(label, [(str(name), item) for name, item in value.items()], "{ }", depth)
    if isinstance(value, (list, tuple)) and value and depth < MAX_DEPTH:
        items = [(str(index), item) for index, item in enumerate(value)]
        return _branch(label, items, "[ ]", depth)
    return format_html("{}{}", label, _leaf(value))


def _branch(
    label: SafeString, items: list[tuple[str, Any]], brackets: str, depth: int
) -> SafeString:
    shown = items[:MAX_ITEMS]
    rows = format_html_join(
        "", "<li>{}</li>", ((render_json(item, name, depth + 1),) for name, item in shown)
    )
    if left := len(items) - len(shown):
        rows += format_html('<li class="json-size">… and {} more</li>', left)
    return format_html(
        '<details{}><summary>{}{} <span class="json-size">{}</span></summary><ul>{}</ul></details>',
        SafeString(" open") if depth < OPEN_DEPTH else "",
        label,
        brackets,
        f"{len(items)} {'item' if len(items) == 1 else 'items'}",
        rows,
    )


def _leaf(value: Any) -> SafeString:
    match value:
        case None:
            kind, text = "null", "null"
        case bool():
            kind, text = "boolean", "true" if value else "false"
        case int() | float():
            kind, text = "number", str(value)
        case dict():
            kind, text = "null", "{…}" if value else "{}"
        case list() | tuple():
            kind, text = "null", "[…]" if value else "[]"
        case _:
            kind, text = "string", f'"{value}"'
    return format_html('<span class="json-{}">{}</span>', kind, text)
