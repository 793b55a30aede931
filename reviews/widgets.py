"""From JSON Schema to what a form shows, and from what was posted back to JSON. Pure.

A widget's name is the path of its value: ``form.income``, ``form.address.city``. Groups nest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = Any
LONG_TEXT = 120
FEW_CHOICES = 4
NUMBERS = ("number", "integer")
# Whole numbers up to here are the same as float and as integer.
EXACT = 2**53


class Posted(Protocol):
    """What a form sent (django.http.QueryDict)."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def getlist(self, key: str) -> list[str]: ...
    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Widget:
    """``kind``: text, textarea, number, date, datetime, check, radio, select, checks, group."""

    kind: str
    name: str
    label: str
    value: Json = None
    help: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    attributes: Mapping[str, Json] = field(default_factory=dict)
    parts: tuple["Widget", ...] = ()

    @property
    def id(self) -> str:
        return "id-" + self.name.replace(".", "-")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The values that are chosen, as a form writes them."""
        values = self.value if isinstance(self.value, list) else [self.value]
        return tuple(text_of(value) for value in values if value is not None)


def widgets_of(schema: Mapping[str, Json], values: Mapping[str, Json], name: str) -> list[Widget]:
    """Return a widget for each property of an object schema, in its order."""
    required = schema.get("required") or ()
    return [
        _widget(f"{name}.{key}", key, part, values.get(key), required=key in required)
        for key, part in (schema.get("properties") or {}).items()
        if isinstance(part, Mapping)
    ]


def _widget(
    name: str, key: str, schema: Mapping[str, Json], value: Json, *, required: bool
) -> Widget:
    label = str(schema.get("title") or key.replace("_", " ").capitalize())
    value = schema.get("default") if value is None else value
    kind = kind_of(schema)
    parts: tuple[Widget, ...] = ()
    if kind == "group":
        parts = tuple(widgets_of(schema, value if isinstance(value, Mapping) else {}, name))
    return Widget(
        kind=kind,
        name=name,
        label=label,
        value=value,
        help=str(schema.get("description") or ""),
        required=required,
        choices=_choices(schema),
        attributes=_attributes(schema, kind),
        parts=parts,
    )


def kind_of(schema: Mapping[str, Json]) -> str:
    """Return the kind of widget that a schema asks for."""
    kind, choices = str(schema.get("type")), _choices(schema)
    by_type = {
        "object": "group",
        "boolean": "check",
        "array": "checks" if choices else "textarea",
    }
    if kind in by_type:
        return by_type[kind]
    if choices:
        return "radio" if len(choices) <= FEW_CHOICES else "select"
    if kind in NUMBERS:
        return "number"
    long = schema.get("maxLength", 0) > LONG_TEXT
    formats = {"date": "date", "date-time": "datetime"}
    return formats.get(str(schema.get("format")), "textarea" if long else "text")


def _choices(schema: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    items = schema.get("items")
    source = items if schema.get("type") == "array" and isinstance(items, Mapping) else schema
    if source.get("oneOf"):
        return tuple(
            (text_of(each.get("const")), str(each.get("title") or each.get("const")))
            for each in source["oneOf"]
        )
    return tuple(
        (text_of(each), text_of(each).replace("_", " ").capitalize())
        for each in source.get("enum") or ()
    )


def _attributes(schema: Mapping[str, Json], kind: str) -> dict[str, Json]:
    names = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "minLength": "minlength"}
    found = {html: schema[key] for key, html in names.items() if key in schema}
    if kind == "number":
        found["step"] = schema.get("multipleOf", 1 if schema.get("type") == "integer" else "any")
    if isinstance(schema.get("pattern"), str):
        found["pattern"] = schema["pattern"]
    return found


def text_of(value: Json) -> str:
    """Return a value as a form writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return "" if value is None else str(value)


def read_form(schema: Mapping[str, Json], posted: Posted, name: str) -> dict[str, Json]:
    """Return the JSON that a form of ``widgets_of`` sent; what was left empty is left out."""
    found: dict[str, Json] = {}
    for key, part in _object_parts(schema):
        path = f"{name}.{key}"
        if kind_of(part) == "group":
            inner = read_form(part, posted, path)
            if inner:
                found[key] = inner
        elif kind_of(part) == "checks":
            if values := posted.getlist(path):
                items = part.get("items") or {}
                found[key] = [read_value(text, items) for text in values]
        elif part.get("type") == "boolean":
            found[key] = posted.get(path) in {"on", "true"}
        elif text := (posted.get(path) or "").strip():
            found[key] = read_value(text, part)
    return found


def _object_parts(schema: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for key, part in (schema.get("properties") or {}).items():
        if isinstance(part, Mapping):
            yield key, part


def read_value(text: str, schema: Mapping[str, Json], old: Json = None) -> Json:
    """Return the value that a text stands for, by the schema or else by the value it replaces.

    A text that is not of the type is returned as it is: the schema then names the problem.
    """
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds or _type_of(old)
    cleaned = text.strip()
    if kind == "boolean" and cleaned in {"true", "false", "on"}:
        return cleaned != "false"
    if kind in NUMBERS:
        return _number(cleaned, text)
    if cleaned == "" and not isinstance(old, str):
        return None
    for choice in schema.get("enum") or ():
        if text_of(choice) == cleaned:
            return choice
    return text


def _type_of(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _number(cleaned: str, text: str) -> Json:
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
