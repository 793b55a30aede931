"""Make the widgets of a form from JSON Schema. Pure; ``posted`` reads what was sent back.

A widget's name is the path of its value: ``form.income``, ``form.address.city``. Groups nest. A
list of objects is rows, ``form.debts.0.lender``; ``form.debts.rows`` names those sent, in order.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from reviews.rules.conditions import find_active, list_properties
from reviews.rules.plain_schemas import make_plain
from workbench.values.times import format_local, is_date

Json = Any
LONG_TEXT = 120
FEW_CHOICES = 4
NUMBERS = ("number", "integer")
ONE_LINE = frozenset({"text", "email", "url", "time", "number", "date", "datetime"})
MOST_ROWS = 100
# What stands for the number in the names of the row that "add" copies.
NEXT_ROW = "new"
# Whole numbers up to here are the same as float and as integer.
EXACT = 2**53


# The name of what an input was rendered with is the input's, and this.
AS_RENDERED = ":was"
# No value, which null is.
ABSENT: Any = object()
_CLOCK = re.compile(r"\d{2}:\d{2}(:[0-5][1-9]|:[1-5]0)?", re.ASCII)
_LINE_BREAK = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Widget:
    """``kind``: text, textarea, lines, number, date, datetime, time, email, url, check, radio,
    select, checks, group, rows, row. ``active`` False: it does not apply to the present
    values.

    ``blank`` is the row that "add" copies, with ``NEXT_ROW`` for its number. ``was`` is the value
    that it is rendered with, as JSON, "" for none: what comes back as it was rendered is that
    value. ``text`` is how the input writes it; ``zone`` names that of a time.
    ``mixed``: some of the choices differ in type alone, so that each is written as JSON.
    """

    kind: str
    name: str
    label: str
    value: Json = None
    help: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    attributes: Mapping[str, Json] = field(default_factory=dict)
    parts: tuple["Widget", ...] = ()
    blank: "Widget | None" = None
    active: bool = True
    was: str = ""
    text: str = ""
    zone: str = ""
    mixed: bool = False

    @property
    def was_name(self) -> str:
        return self.name + AS_RENDERED

    @property
    def id(self) -> str:
        return "id-" + self.name.replace(".", "-")

    @property
    def list_name(self) -> str:
        """The name of the rows that a row is one of."""
        return self.name.rpartition(".")[0]

    @property
    def number(self) -> str:
        """What people count a row by, from 1; "" for the blank one."""
        return str(int(self.value) + 1) if self.value != NEXT_ROW else ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The values that are chosen, as a form writes them."""
        several = self.kind == "checks" and isinstance(self.value, list)
        values = self.value if several else [self.value]
        return tuple(write_choice(value, self.mixed) for value in values if value is not None)


def list_widgets(
    schema: Mapping[str, Json], values: Mapping[str, Json], name: str, zone: tzinfo = UTC
) -> list[Widget]:
    """Return a widget for each property that an object schema may ask for, in its order.

    Those that do not apply to these values are included, not ``active``: they show as soon as
    another value makes them apply. Times are shown in ``zone``.
    """
    return _list_plain_widgets(make_plain(schema), values, name, zone)


def _list_plain_widgets(
    schema: Mapping[str, Json], values: Mapping[str, Json], name: str, zone: tzinfo
) -> list[Widget]:
    active, required = find_active(schema, values)
    return [
        make_widget(
            f"{name}.{key}",
            active.get(key, part),
            values.get(key, active.get(key, part).get("default", ABSENT)),
            zone,
            required=key in required,
            active=key in active,
        )
        for key, part in list_properties(schema).items()
    ]


def list_active_names(
    schema: Mapping[str, Json], values: Mapping[str, Json], name: str
) -> list[str]:
    """Return the names of the widgets that apply to these values, those in groups too."""
    return _list_plain_names(make_plain(schema), values, name)


def _list_plain_names(
    schema: Mapping[str, Json], values: Mapping[str, Json], name: str
) -> list[str]:
    found = []
    for key, part in find_active(schema, values)[0].items():
        found.append(f"{name}.{key}")
        found += _list_names_inside(part, values.get(key), f"{name}.{key}")
    return found


def _list_names_inside(part: Mapping[str, Json], value: Json, name: str) -> list[str]:
    kind = choose_kind(part)
    if kind == "group":
        return _list_plain_names(part, value if isinstance(value, Mapping) else {}, name)
    if kind != "rows":
        return []
    found = []
    for number, row in enumerate(_read_rows(value)):
        found += [f"{name}.{number}", *_list_plain_names(part["items"], row, f"{name}.{number}")]
    return found


def _read_rows(value: Json) -> list[Mapping[str, Json]]:
    rows = value if isinstance(value, list) else []
    return [row if isinstance(row, Mapping) else {} for row in rows]


def make_widget(
    name: str,
    schema: Mapping[str, Json],
    value: Json,
    zone: tzinfo,
    *,
    required: bool = False,
    active: bool = True,
) -> Widget:
    """Return the widget of a value by its plain schema; ``value`` may be ABSENT."""
    was = "" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    value = None if value is ABSENT else value
    kind, text = _choose_input(choose_kind(schema), value, zone)
    choices, mixed = list_choices(schema), has_mixed_choices(schema)
    parts, blank = _make_parts(schema, value, name, zone)
    return Widget(
        kind=kind,
        name=name,
        label=_make_label(name, schema),
        value=value,
        help=str(schema.get("description") or ""),
        required=required,
        choices=_offer(choices, kind, value, mixed),
        attributes=_make_attributes(schema, kind),
        parts=parts,
        blank=blank,
        active=active,
        was=was,
        text=write_choice(value, mixed) if mixed and kind in {"radio", "select"} else text,
        mixed=mixed,
        zone=str(zone) if kind == "datetime" else "",
    )


def _make_label(name: str, schema: Mapping[str, Json]) -> str:
    key = name.rpartition(".")[2]
    return str(schema.get("title") or key.replace("_", " ").capitalize())


def _make_parts(
    schema: Mapping[str, Json], value: Json, name: str, zone: tzinfo
) -> tuple[tuple[Widget, ...], Widget | None]:
    """Return the widgets inside a group or a list of rows, and the blank row of the list."""
    kind = choose_kind(schema)
    if kind == "group":
        values = value if isinstance(value, Mapping) else {}
        return tuple(_list_plain_widgets(schema, values, name, zone)), None
    if kind != "rows":
        return (), None
    rows = _read_rows(value)
    rows += [{}] * (_get_rows_bound(schema, "minItems", 0) - len(rows))
    made = tuple(_make_row(schema, name, str(at), row, zone) for at, row in enumerate(rows))
    return made, _make_row(schema, name, NEXT_ROW, {}, zone)


def _choose_input(kind: str, value: Json, zone: tzinfo) -> tuple[str, str]:
    """Return the kind of input that can show the value, and how it writes it.

    A browser empties an input for dates that is given something else, and takes line breaks out
    of an input of one line.
    """
    text = format_value(value)
    if kind in ONE_LINE and _LINE_BREAK.search(text):
        return "textarea", text
    if kind == "datetime" and text:
        local = format_local(text, zone)
        return ("datetime", local) if local else ("text", text)
    return kind if not text or _fits(kind, text) else "text", text


def _fits(kind: str, text: str) -> bool:
    """Say whether a browser keeps the text in an input of this kind."""
    match kind:
        case "date":
            return is_date(text)
        case "time":
            return _CLOCK.fullmatch(text) is not None
        case "email" | "url":
            return text == text.strip()
    return True


def _offer(
    choices: tuple[tuple[str, str], ...], kind: str, value: Json, mixed: bool
) -> tuple[tuple[str, str], ...]:
    """Return the choices, with the value as it is where they lack it."""
    text = "" if value is None else write_choice(value, mixed)
    if kind not in {"radio", "select"} or not text or text in dict(choices):
        return choices
    return (*choices, (text, f"{text} (as it is now)"))


def _get_rows_bound(schema: Mapping[str, Json], key: str, otherwise: int) -> int:
    bound = schema.get(key)
    return min(bound, MOST_ROWS) if isinstance(bound, int) else otherwise


def _make_row(
    schema: Mapping[str, Json], name: str, number: str, values: Mapping[str, Json], zone: tzinfo
) -> Widget:
    items = schema["items"]
    return Widget(
        kind="row",
        name=f"{name}.{number}",
        label=str(items.get("title") or "Row"),
        value=number,
        was="" if number == NEXT_ROW else json.dumps(dict(values), ensure_ascii=False),
        parts=tuple(_list_plain_widgets(items, values, f"{name}.{number}", zone)),
    )


def choose_kind(schema: Mapping[str, Json]) -> str:
    """Return the kind of widget that a schema asks for."""
    kind, choices = get_type(schema), list_choices(schema)
    by_type = {
        "object": "group",
        "boolean": "check",
        "array": "checks" if choices else "rows" if _has_rows(schema) else "lines",
    }
    if kind in by_type:
        return by_type[kind]
    if choices:
        return "radio" if len(choices) <= FEW_CHOICES else "select"
    if kind in NUMBERS:
        return "number"
    long = schema.get("maxLength", 0) > LONG_TEXT
    formats = {
        "date": "date", "date-time": "datetime", "time": "time", "email": "email", "uri": "url",
    }  # fmt: skip
    return formats.get(str(schema.get("format")), "textarea" if long else "text")


def get_type(schema: Mapping[str, Json]) -> str:
    """Return the type that is not null: `["number", "null"]` asks for a number, or for none."""
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return str(next((kind for kind in named if kind != "null"), "null"))


def _has_rows(schema: Mapping[str, Json]) -> bool:
    items = schema.get("items")
    return isinstance(items, Mapping) and get_type(items) == "object"


def list_choices(schema: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """Return each constant of the schema, or of its items, as a form writes it, and its label."""
    mixed = has_mixed_choices(schema)
    return tuple(
        (write_choice(value, mixed), title or write_choice(value, mixed))
        for value, title in _list_titled(schema, mixed)
    )


def list_constants(schema: Mapping[str, Json]) -> list[Json]:
    """Return the values that the schema, or that of its items, has to choose from."""
    return [value for value, _ in _list_titled(schema)]


def has_mixed_choices(schema: Mapping[str, Json]) -> bool:
    """Return whether two of the choices would be written alike, as 1 and "1" are."""
    constants = list_constants(schema)
    return len({format_value(each) for each in constants}) < len(constants)


def write_choice(value: Json, mixed: bool) -> str:
    """Return a choice as a form writes it: as JSON where choices differ in type alone."""
    return json.dumps(value, ensure_ascii=False) if mixed else format_value(value)


def _list_titled(schema: Mapping[str, Json], mixed: bool = False) -> list[tuple[Json, str]]:
    """Return the constants with their titles; one of an enum has its words for a title."""
    items = schema.get("items")
    source = items if get_type(schema) == "array" and isinstance(items, Mapping) else schema
    if source.get("oneOf"):
        return [(each.get("const"), str(each.get("title") or "")) for each in source["oneOf"]]
    words = ["" if mixed else format_value(each).replace("_", " ").capitalize()
             for each in source.get("enum") or ()]  # fmt: skip
    return list(zip(source.get("enum") or (), words, strict=True))


def _make_attributes(schema: Mapping[str, Json], kind: str) -> dict[str, Json]:
    names = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "minLength": "minlength"}
    found = {html: schema[key] for key, html in names.items() if key in schema}
    if kind == "rows":
        return {
            "least": _get_rows_bound(schema, "minItems", 0),
            "most": _get_rows_bound(schema, "maxItems", MOST_ROWS),
        }
    if kind == "number":
        found["step"] = schema.get("multipleOf", 1 if get_type(schema) == "integer" else "any")
    if isinstance(schema.get("pattern"), str):
        found["pattern"] = schema["pattern"]
    return found


def format_value(value: Json) -> str:
    """Return a value as a form writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return "\n".join(format_value(each) for each in value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return "" if value is None else str(value)


def format_field(value: Json) -> str:
    """Return a value of a case as the input that corrects it writes it: lists are JSON."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return format_value(value)


def write_field(value: Json, schema: Mapping[str, Json]) -> str:
    """Return a value of a case as the input that corrects it writes it, by its plain schema."""
    return write_choice(value, mixed=True) if has_mixed_choices(schema) else format_field(value)
