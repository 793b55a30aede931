"""From what a form of ``widgets`` posted back to JSON. Pure.

What comes back as it was rendered is the value that was rendered, whatever an input makes of it:
browsers turn line breaks into CRLF, and a box that is not ticked cannot say null.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Protocol

from reviews.rules.conditions import find_active
from reviews.rules.plain_schemas import make_plain
from reviews.rules.widgets import (
    ABSENT,
    AS_RENDERED,
    MOST_ROWS,
    NUMBERS,
    Widget,
    choose_kind,
    format_value,
    get_type,
    has_mixed_choices,
    list_constants,
    make_widget,
    write_field,
)
from workbench.values.json_text import parse_json, read_json
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_instant

Json = Any
MOST_ROUNDS = 8
ROWS_SENT = "rows"
_CARRIAGE_RETURN = re.compile(r"\r\n?")


class Posted(Protocol):
    """What a form sent (django.http.QueryDict)."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def getlist(self, key: str) -> list[str]: ...
    def __contains__(self, key: object) -> bool: ...


def read_form(
    schema: Mapping[str, Json], posted: Posted, name: str, zone: tzinfo = UTC
) -> dict[str, Json]:
    """Return the JSON that a form of ``list_widgets`` sent; what was left empty is left out.

    A time without an offset is local in ``zone``.
    """
    return _Reader(posted, zone).read_group(make_plain(schema), name)


def read_changes(
    schema: Mapping[str, Json], posted: Posted, name: str, zone: tzinfo = UTC
) -> dict[str, Json]:
    """Return what ``read_form`` does, without what comes back as it was rendered.

    So a value that changed meanwhile is not changed back by a page that showed the older one.
    """
    read = read_form(schema, posted, name, zone)
    rendered = {key: _load(posted.get(f"{name}.{key}{AS_RENDERED}")) for key in read}
    return {key: value for key, value in read.items() if not _is_same(value, rendered[key])}


def _load(text: str | None) -> Json:
    """Return the value that an input was rendered with, ABSENT if the form does not say."""
    try:
        return parse_json(text or "")
    except ValueRefused:
        return ABSENT


def read_grounds(posted: Posted) -> dict[str, str]:
    """Return what each chosen reason rests on, where that was said."""
    outcome = posted.get("outcome", "")
    named = {
        code: posted.get(f"ground.{outcome}.{code}", "")
        for code in posted.getlist(f"reasons.{outcome}")
    }
    return {code: ground for code, ground in named.items() if ground}


@dataclass(frozen=True, slots=True)
class _Reader:
    posted: Posted
    zone: tzinfo

    def read_group(self, schema: Mapping[str, Json], name: str) -> dict[str, Json]:
        found: dict[str, Json] = {}
        # A value may make another property stand, and that one the next: each round reads anew.
        for _ in range(MOST_ROUNDS):
            parts, _required = find_active(schema, found)
            values = {key: self.read_part(part, f"{name}.{key}") for key, part in parts.items()}
            read = {key: value for key, value in values.items() if value is not ABSENT}
            if read == found:
                break
            found = read
        return found

    def read_part(self, part: Mapping[str, Json], path: str) -> Json:
        """Return the value as it was rendered, if what came back reads the same; else as read."""
        read, was = self._read_input(part, path), self._get_rendered(path)
        if was is ABSENT:
            return read
        untouched = _Rendered(make_widget(path, part, was, self.zone))
        if _is_same(read, _Reader(untouched, self.zone)._read_input(part, path)):  # noqa: SLF001
            return was
        return {**_list_unshown(part, was), **read} if isinstance(read, dict) else read

    def _read_row(self, items: Mapping[str, Json], path: str) -> dict[str, Json]:
        was = self._get_rendered(path)
        return {**_list_unshown(items, was), **self.read_group(items, path)}

    def _get_rendered(self, path: str) -> Json:
        return _load(self.posted.get(path + AS_RENDERED))

    def _read_input(self, part: Mapping[str, Json], path: str) -> Json:
        """Return the value that was posted, ABSENT if it was left empty."""
        kind, items = choose_kind(part), part.get("items") or {}
        if kind == "group":
            return self.read_group(part, path) or ABSENT
        if kind == "rows":
            sent = self.posted.getlist(f"{path}.{ROWS_SENT}")[:MOST_ROWS]
            return [self._read_row(items, f"{path}.{row}") for row in sent] or ABSENT
        if kind == "checks":
            chosen = self.posted.getlist(path)
            return [read_value(text, items, zone=self.zone) for text in chosen] or ABSENT
        if kind == "check":
            return self.posted.get(path) in {"on", "true"}
        text = (self.posted.get(path) or "").strip()
        if kind == "lines":
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return [read_value(line, items, zone=self.zone) for line in lines] or ABSENT
        return read_value(text, part, zone=self.zone) if text else ABSENT


def _is_same(first: Json, second: Json) -> bool:
    """Return whether two values are the same, a number never being a boolean."""
    if first is ABSENT or second is ABSENT:
        return first is second
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _list_unshown(part: Mapping[str, Json], was: Json) -> dict[str, Json]:
    """Return what a mapping holds besides the inputs of its group."""
    if not isinstance(was, Mapping):
        return {}
    shown = {widget.name[1:] for widget in make_widget("", part, was, UTC).parts}
    return {key: value for key, value in was.items() if key not in shown}


class _Rendered(Posted):
    """What a form posts of which nothing was touched."""

    def __init__(self, widget: Widget) -> None:
        self.sent: dict[str, list[str]] = {}
        for name, text in _list_sent(widget):
            self.sent.setdefault(name, []).append(text)

    def get(self, key: str, default: Any = None) -> Any:
        return self.sent[key][-1] if key in self.sent else default

    def getlist(self, key: str) -> list[str]:
        return self.sent.get(key, [])

    def __contains__(self, key: object) -> bool:
        return key in self.sent


def _list_sent(widget: Widget) -> Iterator[tuple[str, str]]:
    if widget.was:
        yield widget.was_name, widget.was
    if widget.kind == "rows":
        yield from ((f"{widget.name}.{ROWS_SENT}", str(row.value)) for row in widget.parts)
    for part in widget.parts:
        yield from _list_sent(part)
    if widget.kind == "check":
        yield from [(widget.name, "on")] if widget.value else []
    elif widget.kind in {"radio", "checks"}:
        yield from ((widget.name, text) for text, _ in widget.choices if text in widget.chosen)
    elif widget.kind not in {"group", "rows", "row"}:
        yield widget.name, widget.text


def read_field(
    posted: Posted, key: str, schema: Mapping[str, Json], old: Json, zone: tzinfo = UTC
) -> Json:
    """Return what was typed over a value of the case; ``old`` if nothing was."""
    name = f"field.{key}"
    was = _load(posted.get(name + AS_RENDERED))
    was = old if was is ABSENT else was
    text = _CARRIAGE_RETURN.sub("\n", posted.get(name) or "")
    plain = make_plain(schema)
    if text.strip() == _CARRIAGE_RETURN.sub("\n", write_field(was, plain)).strip():
        return old
    return read_value(text, plain, was, zone)


def read_value(text: str, schema: Mapping[str, Json], old: Json = None, zone: tzinfo = UTC) -> Json:
    """Return the value that a text stands for, by the schema or else by the value it replaces.

    A text that is not of the type is returned as it is: the schema then names the problem.
    """
    if has_mixed_choices(schema):
        return _read_mixed(text)
    kind = get_type(schema) if schema.get("type") else infer_type(old)
    if isinstance(old, str) and text == old:
        return old
    text = _CARRIAGE_RETURN.sub("\n", text)
    cleaned = text.strip()
    if kind == "boolean" and cleaned in {"true", "false", "on"}:
        return cleaned != "false"
    if cleaned == "" and (kind in NUMBERS or not isinstance(old, str)):
        return None
    for choice in list_constants(schema):
        if format_value(choice) == cleaned:
            return choice
    return _read_by_type(text, kind, schema, zone)


def _read_mixed(text: str) -> Json:
    """Return a choice that was written as JSON, None if none was made."""
    return _read_json(text) if text.strip() else None


def _read_by_type(text: str, kind: str, schema: Mapping[str, Json], zone: tzinfo) -> Json:
    if kind in NUMBERS:
        return _read_typed_number(text, kind)
    if kind in {"array", "object"}:
        return _read_json(text)
    if schema.get("format") == "date-time":
        return _read_typed_instant(text, zone)
    return text


def infer_type(value: Json) -> str:
    """Return the JSON type that a value without a schema is to keep."""
    for type_, kind in ((bool, "boolean"), (int | float, "number"), (list, "array")):
        if isinstance(value, type_):
            return kind
    return "object" if isinstance(value, Mapping) else "string"


def _read_typed_number(text: str, kind: str) -> Json:
    try:
        return read_number(text, whole=kind == "integer")
    except ValueRefused:
        return text


def _read_typed_instant(text: str, zone: tzinfo) -> str:
    try:
        return read_instant(text, zone).isoformat().replace("+00:00", "Z")
    except ValueRefused:
        return text


def _read_json(text: str) -> Json:
    try:
        return read_json(text)
    except ValueRefused:
        return text
