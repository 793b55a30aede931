"""Make the widgets of a form from JSON Schema, and read what was posted back as JSON. Pure.

A widget's name is the path of its value: ``form.income``, ``form.address.city``. Groups nest. A
list of objects is rows, ``form.debts.0.lender``; ``form.debts.rows`` names those sent, in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reviews.rules.conditions import find_active, list_properties

Json = Any
LONG_TEXT = 120
MOST_ROUNDS = 8
FEW_CHOICES = 4
NUMBERS = ("number", "integer")
ROWS_SENT = "rows"
MOST_ROWS = 100
# What stands for the number in the names of the row that "add" copies.
NEXT_ROW = "new"
# Whole numbers up to here are the same as float and as integer.
EXACT = 2**53


class Posted(Protocol):
    """What a form sent (django.http.QueryDict)."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def getlist(self, key: str) -> list[str]: ...
    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Widget:
    """``kind``: text, textarea, lines, number, date, datetime, time, email, url, check, radio,
    select, checks, group, rows, row. ``active`` False: it does not apply to the present
    values.

    ``blank`` is the row that "add" copies, with ``NEXT_ROW`` for its number.
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
        values = self.value if isinstance(self.value, list) else [self.value]
        return tuple(format_value(value) for value in values if value is not None)


def list_widgets(schema: Mapping[str, Json], values: Mapping[str, Json], name: str) -> list[Widget]:
    """Return a widget for each property that an object schema may ask for, in its order.

    Those that do not apply to these values are included, not ``active``: they show as soon as
    another value makes them apply.
    """
    active, required = find_active(schema, values)
    return [
        _make_widget(
            f"{name}.{key}",
            key,
            active.get(key, part),
            values.get(key),
            required=key in required,
            active=key in active,
        )
        for key, part in list_properties(schema).items()
    ]


def list_active_names(
    schema: Mapping[str, Json], values: Mapping[str, Json], name: str
) -> list[str]:
    """Return the names of the widgets that apply to these values, those in groups too."""
    found = []
    for key, part in find_active(schema, values)[0].items():
        found.append(f"{name}.{key}")
        found += _list_names_inside(part, values.get(key), f"{name}.{key}")
    return found


def _list_names_inside(part: Mapping[str, Json], value: Json, name: str) -> list[str]:
    kind = choose_kind(part)
    if kind == "group":
        return list_active_names(part, value if isinstance(value, Mapping) else {}, name)
    if kind != "rows":
        return []
    found = []
    for number, row in enumerate(_read_rows(value)):
        found += [f"{name}.{number}", *list_active_names(part["items"], row, f"{name}.{number}")]
    return found


def _read_rows(value: Json) -> list[Mapping[str, Json]]:
    rows = value if isinstance(value, list) else []
    return [row if isinstance(row, Mapping) else {} for row in rows]


def _make_widget(
    name: str, key: str, schema: Mapping[str, Json], value: Json, *, required: bool, active: bool
) -> Widget:
    label = str(schema.get("title") or key.replace("_", " ").capitalize())
    value = schema.get("default") if value is None else value
    kind = choose_kind(schema)
    parts: tuple[Widget, ...] = ()
    blank = None
    if kind == "group":
        parts = tuple(list_widgets(schema, value if isinstance(value, Mapping) else {}, name))
    elif kind == "rows":
        rows = _read_rows(value)
        rows += [{}] * (_get_rows_bound(schema, "minItems", 0) - len(rows))
        parts = tuple(_make_row(schema, name, str(at), row) for at, row in enumerate(rows))
        blank = _make_row(schema, name, NEXT_ROW, {})
    return Widget(
        kind=kind,
        name=name,
        label=label,
        value=value,
        help=str(schema.get("description") or ""),
        required=required,
        choices=_list_choices(schema),
        attributes=_make_attributes(schema, kind),
        parts=parts,
        blank=blank,
        active=active,
    )


def _get_rows_bound(schema: Mapping[str, Json], key: str, otherwise: int) -> int:
    bound = schema.get(key)
    return min(bound, MOST_ROWS) if isinstance(bound, int) else otherwise


def _make_row(
    schema: Mapping[str, Json], name: str, number: str, values: Mapping[str, Json]
) -> Widget:
    items = schema["items"]
    return Widget(
        kind="row",
        name=f"{name}.{number}",
        label=str(items.get("title") or "Row"),
        value=number,
        parts=tuple(list_widgets(items, values, f"{name}.{number}")),
    )


def choose_kind(schema: Mapping[str, Json]) -> str:
    """Return the kind of widget that a schema asks for."""
    kind, choices = _get_type(schema), _list_choices(schema)
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


def _get_type(schema: Mapping[str, Json]) -> str:
    """Return the type that is not null: `["number", "null"]` asks for a number, or for none."""
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return str(next((kind for kind in named if kind != "null"), "null"))


def _has_rows(schema: Mapping[str, Json]) -> bool:
    items = schema.get("items")
    return isinstance(items, Mapping) and _get_type(items) == "object"


def _list_choices(schema: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    items = schema.get("items")
    source = items if _get_type(schema) == "array" and isinstance(items, Mapping) else schema
    if source.get("oneOf"):
        return tuple(
            (format_value(each.get("const")), str(each.get("title") or each.get("const")))
            for each in source["oneOf"]
        )
    return tuple(
        (format_value(each), format_value(each).replace("_", " ").capitalize())
        for each in source.get("enum") or ()
    )


def _make_attributes(schema: Mapping[str, Json], kind: str) -> dict[str, Json]:
    names = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "minLength": "minlength"}
    found = {html: schema[key] for key, html in names.items() if key in schema}
    if kind == "rows":
        return {
            "least": _get_rows_bound(schema, "minItems", 0),
            "most": _get_rows_bound(schema, "maxItems", MOST_ROWS),
        }
    if kind == "number":
        found["step"] = schema.get("multipleOf", 1 if _get_type(schema) == "integer" else "any")
    if isinstance(schema.get("pattern"), str):
        found["pattern"] = schema["pattern"]
    return found


def format_value(value: Json) -> str:
    """Return a value as a form writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(format_value(each) for each in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return "" if value is None else str(value)


def read_form(schema: Mapping[str, Json], posted: Posted, name: str) -> dict[str, Json]:
    """Return the JSON that a form of ``list_widgets`` sent; what was left empty is left out."""
    found: dict[str, Json] = {}
    # A value may make another property apply, and that one the next: each round reads them again.
    for _ in range(MOST_ROUNDS):
        parts, _required = find_active(schema, found)
        values = {key: _read_part(part, posted, f"{name}.{key}") for key, part in parts.items()}
        read = {key: value for key, value in values.items() if value is not None}
        if read == found:
            break
        found = read
    return found


def read_grounds(posted: Posted) -> dict[str, str]:
    """Return what each chosen reason rests on, by code; reasons without it are left out."""
    outcome = posted.get("outcome", "")
    named = {
        code: posted.get(f"ground.{outcome}.{code}", "")
        for code in posted.getlist(f"reasons.{outcome}")
    }
    return {code: ground for code, ground in named.items() if ground}


def _read_part(part: Mapping[str, Json], posted: Posted, path: str) -> Json:
    """Return the value that was posted, None if it was left empty."""
    kind = choose_kind(part)
    if kind == "group":
        return read_form(part, posted, path) or None
    if kind == "rows":
        sent = posted.getlist(f"{path}.{ROWS_SENT}")[:MOST_ROWS]
        return [read_form(part["items"], posted, f"{path}.{row}") for row in sent] or None
    items = part.get("items") or {}
    if kind == "checks":
        return [read_value(text, items) for text in posted.getlist(path)] or None
    if kind == "check":
        return posted.get(path) in {"on", "true"}
    text = (posted.get(path) or "").strip()
    if kind == "lines":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [read_value(line, items) for line in lines] or None
    return read_value(text, part) if text else None


def read_value(text: str, schema: Mapping[str, Json], old: Json = None) -> Json:
    """Return the text as a value of the schema's type, or else of the type it replaces.

    A text that is not of the type is returned as it is: the schema then names the problem.
    """
    kind = _get_type(schema) if schema.get("type") else _infer_type(old)
    cleaned = text.strip()
    if kind == "boolean" and cleaned in {"true", "false", "on"}:
        return cleaned != "false"
    if kind in NUMBERS:
        return _read_number(cleaned, text)
    if cleaned == "" and not isinstance(old, str):
        return None
    for choice in schema.get("enum") or ():
        if format_value(choice) == cleaned:
            return choice
    return text


def _infer_type(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _read_number(cleaned: str, text: str) -> Json:
    try:
        number = float(cleaned.replace(",", "").replace(" ", ""))
    except ValueError:
        return text or None
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        return text
    return (
        int(number)
        if number.is_integer() and abs(number) < EXACT and "." not in cleaned
        else number
    )
