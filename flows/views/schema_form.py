"""A form made from a JSON Schema: its fields, the JSON that was filled in, errors by field.

Objects become groups of fields. What has no control of its own (a list, a free object, a choice of
schemas) becomes a field of JSON text.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import jsonschema_rs

from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
Schema = Mapping[str, Json]
Path = tuple[str | int, ...]
Kind = Literal[
    "text", "long", "number", "integer", "boolean", "choice", "date", "datetime", "json", "group"
]

PREFIX = "f"
MOST_DEPTH = 4
# A text that may be longer than this gets several lines.
LONG_TEXT = 200
_FORMATS: dict[str, Kind] = {"date": "date", "date-time": "datetime"}
_MISSING = object()


@dataclass(slots=True)
class SchemaField:
    """One control. ``value`` is text as a person typed it; ``children`` are a group's fields."""

    path: Path
    kind: Kind
    label: str
    required: bool = False
    help: str = ""
    value: str = ""
    choices: list[tuple[str, str]] = field(default_factory=list)
    minimum: Json = None
    maximum: Json = None
    step: str = ""
    unit: str = ""
    errors: list[str] = field(default_factory=list)
    children: list["SchemaField"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return ".".join([PREFIX, *map(str, self.path)])

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(slots=True)
class FormError:
    """An error with its field, or without one if it is about the whole."""

    message: str
    field: SchemaField | None = None


class SchemaForm:
    """The form of a schema, filled with ``value``; ``read`` then takes what was posted."""

    def __init__(self, schema: Schema, value: Json = None) -> None:
        self.schema = schema
        self.fields = list(_build_fields(schema, value if isinstance(value, Mapping) else {}, ()))
        self.errors: list[FormError] = []

    @property
    def is_plain(self) -> bool:
        """Whether the schema has named fields; one without them is filled in as JSON."""
        return bool(self.fields)

    def read(self, posted: Mapping[str, str]) -> Json:
        """Return what was posted as a JSON value; put faults into ``errors`` and at the fields."""
        value = self._read_group(self.fields, posted)
        if not self.errors:
            self.check(value)
        return value

    def check(self, value: Json) -> None:
        """Validate a value, and put each fault at its field."""
        for path, message in schema_errors(self.schema, value):
            self._add_error(path, message)

    def _read_group(
        self, fields: Iterable[SchemaField], posted: Mapping[str, str]
    ) -> dict[str, Json]:
        value: dict[str, Json] = {}
        for each in fields:
            given: Json
            if each.kind == "group":
                given = self._read_group(each.children, posted)
                if not given and not each.required:
                    continue
            else:
                each.value = posted.get(each.name, "")
                try:
                    given = _read_value(each)
                except ValueError as error:
                    self._add_error(each.path, str(error))
                    continue
                if given is _MISSING:
                    continue
            value[str(each.path[-1])] = given
        return value

    def _add_error(self, path: Path, message: str) -> None:
        found = _find_field(self.fields, path)
        if found is not None:
            if found.path != path:
                inside = ".".join(map(str, path[len(found.path) :]))
                message = f"{inside}: {message}"
            found.errors.append(message)
        self.errors.append(FormError(message, found))


def schema_errors(schema: Schema, value: Json) -> list[tuple[Path, str]]:
    """Return ``(path, message)`` for each fault of ``value`` by the schema."""
    try:
        validator = jsonschema_rs.validator_for(
            dict(schema), retriever=_refuse_reference, validate_formats=True
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return [((), f"The flow's input is not a valid JSON Schema: {error}")]
    return [_explain(error) for error in validator.iter_errors(value)]


def _refuse_reference(uri: str) -> Json:
    raise ValueError(f"{uri} is outside the document. Put what it names under $defs.")


def _explain(error: jsonschema_rs.ValidationError) -> tuple[Path, str]:
    path: Path = tuple(error.instance_path)
    kind: Json = error.kind
    message = error.message[:1].upper() + error.message[1:] + "."
    match type(kind).__name__:
        case "Required":
            path, message = (*path, kind.property), "Fill this in."
        case "Minimum":
            message = f"Must be at least {kind.limit}."
        case "Maximum":
            message = f"Must be at most {kind.limit}."
        case "AdditionalProperties":
            message = (
                f"Unknown: {', '.join(kind.unexpected)}. Remove it, or add it to the flow's input."
            )
        case "Enum":
            message = f"Must be one of {', '.join(json.dumps(each) for each in kind.options)}."
        case "Format":
            message = f"Is not a {kind.format}."
        case "Type":
            message = f"Must be of type {' or '.join(map(str, _types(kind)))}."
    return path, message


def _types(kind: Json) -> list[str]:
    return [kind.types] if isinstance(kind.types, str) else list(kind.types)


# --- From schema to fields --------------------------------------------------------


def _build_fields(schema: Schema, value: Mapping[str, Json], path: Path) -> Iterator[SchemaField]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    required = set(schema.get("required") or ())
    for name, each in properties.items():
        own = each if isinstance(each, Mapping) else {}
        given = value.get(name, own.get("default", _MISSING))
        yield _build_field(own, given, (*path, name), name in required)


def _build_field(schema: Schema, value: Json, path: Path, required: bool) -> SchemaField:
    kind = _choose_kind(schema, len(path))
    found = SchemaField(
        path,
        kind,
        label=str(schema.get("title") or _to_words(str(path[-1]))),
        required=required,
        help=str(schema.get("description") or _describe_example(schema)),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        step="1" if kind == "integer" else "any",
        unit=str(schema.get("x-unit") or ""),
    )
    if kind == "group":
        found.children = list(
            _build_fields(schema, value if isinstance(value, Mapping) else {}, path)
        )
    else:
        found.value = _to_input(value, kind)
    if kind == "choice":
        titles = schema.get("x-titles") if isinstance(schema.get("x-titles"), Mapping) else {}
        found.choices = [
            (json.dumps(each), str((titles or {}).get(str(each), _to_text(each))))
            for each in schema["enum"]
        ]
    return found


def _choose_kind(schema: Schema, depth: int) -> Kind:
    if isinstance(schema.get("enum"), list):
        return "choice"
    kinds: dict[Json, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number"}
    named = schema.get("type")
    if named == "string":
        long = schema.get("maxLength", 0) > LONG_TEXT or schema.get("format") == "multiline"
        return _FORMATS.get(str(schema.get("format")), "long" if long else "text")
    if named == "object" and isinstance(schema.get("properties"), Mapping) and depth < MOST_DEPTH:
        return "group"
    return kinds.get(named, "json") if isinstance(named, str) else "json"


def _to_words(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _to_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _describe_example(schema: Schema) -> str:
    examples = schema.get("examples")
    return f"For example {_to_text(examples[0])}" if isinstance(examples, list) and examples else ""


def _to_input(value: Json, kind: Kind) -> str:
    if value is _MISSING:
        return ""
    if kind in {"json", "choice"}:
        return json.dumps(value, indent=2 if kind == "json" else None, ensure_ascii=False)
    if kind == "boolean":
        return "on" if value is True else ""
    return "" if value is None else _to_text(value)


# --- From what was typed to JSON --------------------------------------------------


def _read_value(each: SchemaField) -> Json:
    """Return what was typed as JSON. Raises: ValueError, saying what to do."""
    text = each.value.strip() if each.kind != "long" else each.value
    if each.kind == "boolean":
        return text == "on"
    if not text:
        return _MISSING
    readers: dict[str, Callable[[str], Json]] = {
        "integer": lambda given: _read_number(given, int, "Must be a whole number, such as 12."),
        "number": lambda given: _read_number(given, float, "Must be a number, such as 12.5."),
        "json": _read_json,
        "choice": _read_json,
        "datetime": _read_instant,
        "date": _read_date,
    }
    return readers.get(each.kind, str)(text)


def _read_instant(text: str) -> str:
    """Return the instant; the browser's control gives minutes without an offset, meant as UTC."""
    return text if text[10:].count(":") > 1 or text.endswith("Z") else f"{text}:00Z"


def _read_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Must be a date, such as 2026-03-31.") from None


def _read_number(text: str, make: type[int] | type[float], message: str) -> int | float:
    try:
        value = make(text)
    except ValueError:
        raise ValueError(message) from None
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN differs from itself
        raise ValueError(message)
    return int(value) if value == int(value) and "." not in text and "e" not in text else value


def _read_json(text: str) -> Json:
    try:
        return read_json(text)
    except ValueRefused as error:
        raise ValueError(str(error)) from None


def _find_field(fields: Iterable[SchemaField], path: Path) -> SchemaField | None:
    """Return the field at ``path``, or the one that holds it."""
    for each in fields:
        if path[: len(each.path)] == each.path:
            return _find_field(each.children, path) or each
    return None
