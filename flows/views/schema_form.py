"""A form made from a JSON Schema: its fields, the JSON that was filled in, errors by field.

Objects become groups of fields. What has no control of its own (a list, a free object, a choice of
schemas) becomes a field of JSON text.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Literal, NamedTuple

import jsonschema_rs

from workbench.values.json_text import parse_json, read_json
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused
from workbench.values.schemas import SCHEMA_ERRORS, make_validator
from workbench.values.times import format_local, is_date, read_date, read_instant

Json = Any
Schema = Mapping[str, Json]
Path = tuple[str | int, ...]
Kind = Literal[
    "text", "long", "number", "integer", "boolean", "choice", "date", "datetime", "file", "json",
    "group",
]  # fmt: skip

PREFIX = "f"
# The name of what an input was rendered with is the input's, and this.
AS_RENDERED = ":was"
FILES = ":files"
FILE_FORMAT = "file"
MOST_DEPTH = 4
# A text that may be longer than this gets several lines.
LONG_TEXT = 200
_FORMATS: dict[str, Kind] = {"date": "date", "date-time": "datetime"}
_MISSING = object()


class ShownFile(NamedTuple):
    """A file of a field, with its reference as JSON."""

    name: str
    size: Json
    reference: str


@dataclass(slots=True)
class SchemaField:
    """One control. ``value`` is text as a person typed it; ``children`` are a group's fields.

    ``was`` is the JSON that it was rendered with, "" for none: what comes back as it was rendered
    is that value. ``fits`` is False where the browser's control for dates cannot show the value.
    """

    path: Path
    kind: Kind
    label: str
    required: bool = False
    help: str = ""
    value: str = ""
    was: str = ""
    fits: bool = True
    choices: list[tuple[str, str]] = field(default_factory=list)
    minimum: Json = None
    maximum: Json = None
    step: str = ""
    unit: str = ""
    # Of files: whether there may be several, and which types the browser offers to choose.
    many: bool = False
    accept: str = ""
    errors: list[str] = field(default_factory=list)
    children: list["SchemaField"] = field(default_factory=list)

    @property
    def name(self) -> str:
        # A dot in a property's name is no boundary.
        parts = (str(part).replace("~", "~0").replace(".", "~1") for part in self.path)
        return ".".join([PREFIX, *parts])

    @property
    def files_name(self) -> str:
        """The name of the control in which files are chosen that are not uploaded yet."""
        return self.name + FILES

    @property
    def references(self) -> list[Mapping[str, Json]]:
        """The references to the files that it holds."""
        try:
            kept = parse_json(self.value) if self.value else []
        except ValueRefused:
            return []
        return [each for each in kept if isinstance(each, Mapping)] if _is_list(kept) else []

    @property
    def files(self) -> list[ShownFile]:
        return [
            ShownFile(str(each.get("name", "")), each.get("size"), json.dumps(each))
            for each in self.references
        ]

    @property
    def has_lines(self) -> bool:
        """Whether an input of one line would take the line breaks out of the value."""
        return "\n" in self.value or "\r" in self.value

    @property
    def was_name(self) -> str:
        return self.name + AS_RENDERED

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(slots=True)
class FormError:
    """An error with its field, or without one if it is about the whole."""

    message: str
    field: SchemaField | None = None


class SchemaForm:
    """The form of a schema, filled with ``value``; ``read`` then takes what was posted.

    Times are shown and read as local in ``zone``.
    """

    def __init__(self, schema: Schema, value: Json = None, zone: tzinfo = UTC) -> None:
        self.schema, self.zone = schema, zone
        given = value if isinstance(value, Mapping) else {}
        self.fields = list(_build_fields(schema, given, (), zone))
        self.errors: list[FormError] = []

    @property
    def is_plain(self) -> bool:
        """Whether the schema has named fields; one without them is filled in as JSON."""
        return bool(self.fields)

    def list_file_fields(self) -> list[SchemaField]:
        """Return the fields of files, also those in groups."""
        return [each for each in _walk(self.fields) if each.kind == "file"]

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
                rest = _list_unshown(each, posted.get(each.was_name, ""))
                given = {**(rest or {}), **self._read_group(each.children, posted)}
                if not given and not each.required and rest is None:
                    continue
            else:
                each.value = posted.get(each.name, "")
                each.was = posted.get(each.was_name, "")
                try:
                    given = _read_touched(each, self.zone)
                except ValueError as error:
                    each.fits = False
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


def _walk(fields: Iterable[SchemaField]) -> Iterator[SchemaField]:
    for each in fields:
        yield each
        yield from _walk(each.children)


def schema_errors(schema: Schema, value: Json) -> list[tuple[Path, str]]:
    """Return ``(path, message)`` for each fault of ``value`` by the schema."""
    try:
        validator = make_validator(schema)
    except SCHEMA_ERRORS as error:
        return [((), f"The flow's input is not a valid JSON Schema: {error}")]
    return [_explain(error) for error in validator.iter_errors(value)]


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


def _build_fields(
    schema: Schema, value: Mapping[str, Json], path: Path, zone: tzinfo
) -> Iterator[SchemaField]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    required = set(schema.get("required") or ())
    for name, each in properties.items():
        own = each if isinstance(each, Mapping) else {}
        given = value.get(name, own.get("default", _MISSING))
        yield _build_field(own, given, (*path, name), name in required, zone)


def _build_field(
    schema: Schema, value: Json, path: Path, required: bool, zone: tzinfo
) -> SchemaField:
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
        many=schema.get("type") == "array",
        accept=_list_accepted(schema),
        was="" if value is _MISSING else json.dumps(value, ensure_ascii=False),
    )
    if kind == "group":
        found.children = list(
            _build_fields(schema, value if isinstance(value, Mapping) else {}, path, zone)
        )
    else:
        found.value, found.fits = _to_input(value, kind, zone)
    if kind == "choice":
        titles = schema.get("x-titles") if isinstance(schema.get("x-titles"), Mapping) else {}
        texts = [_to_text(each) for each in schema["enum"]]
        # 1 and "1" would have one label.
        write = _to_text if len(set(texts)) == len(texts) else json.dumps
        found.choices = [
            (json.dumps(each), str((titles or {}).get(str(each), write(each))))
            for each in schema["enum"]
        ]
        if found.value and found.value not in dict(found.choices):
            found.choices.append((found.value, f"{_to_text(value)} (as it is now)"))
    return found


def _choose_kind(schema: Schema, depth: int) -> Kind:
    if isinstance(schema.get("enum"), list):
        return "choice"
    if _is_file(schema) or _is_file(schema.get("items")):
        return "file"
    kinds: dict[Json, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number"}
    named = schema.get("type")
    if named == "string":
        long = schema.get("maxLength", 0) > LONG_TEXT or schema.get("format") == "multiline"
        return _FORMATS.get(str(schema.get("format")), "long" if long else "text")
    if named == "object" and isinstance(schema.get("properties"), Mapping) and depth < MOST_DEPTH:
        return "group"
    return kinds.get(named, "json") if isinstance(named, str) else "json"


def _is_list(value: Json) -> bool:
    return isinstance(value, list)


def _is_file(schema: Json) -> bool:
    return isinstance(schema, Mapping) and schema.get("format") == FILE_FORMAT


def _list_accepted(schema: Schema) -> str:
    """Return the media types of ``x-accept`` as a browser's control takes them."""
    own = schema if _is_file(schema) else schema.get("items")
    accepted = own.get("x-accept") if isinstance(own, Mapping) else None
    return ",".join(map(str, accepted)) if isinstance(accepted, list) else ""


def _to_words(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _to_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _describe_example(schema: Schema) -> str:
    examples = schema.get("examples")
    return f"For example {_to_text(examples[0])}" if isinstance(examples, list) and examples else ""


def _to_input(value: Json, kind: Kind, zone: tzinfo) -> tuple[str, bool]:
    """Return the text of an input, and whether the browser's control for its kind can show it."""
    if value is _MISSING:
        return "", True
    if kind in {"json", "choice", "file"}:
        value = [value] if kind == "file" and not _is_list(value) else value
        return json.dumps(value, indent=2 if kind == "json" else None, ensure_ascii=False), True
    if kind == "boolean":
        return "on" if value is True else "", True
    text = "" if value is None else _to_text(value)
    if kind == "datetime" and text:
        local = format_local(text, zone)
        return local or text, bool(local)
    if kind == "date" and text:
        return text, is_date(text)
    return text, True


# --- From what was typed to JSON --------------------------------------------------


def _read_touched(each: SchemaField, zone: tzinfo) -> Json:
    """Return what was typed, or the value as it was rendered where nobody touched it."""
    if not each.was:
        return _read_value(each, zone)
    try:
        was = parse_json(each.was)
    except ValueRefused:
        return _read_value(each, zone)
    rendered, each.fits = _to_input(was, each.kind, zone)
    return was if _unify(each.value) == _unify(rendered) else _read_value(each, zone)


def _list_unshown(group: SchemaField, was: str) -> dict[str, Json] | None:
    """Return what a mapping holds besides the fields of its group, None if there was none."""
    try:
        given = parse_json(was) if was else None
    except ValueRefused:
        return None
    shown = {str(each.path[-1]) for each in group.children}
    return (
        {key: value for key, value in given.items() if key not in shown}
        if isinstance(given, Mapping)
        else None
    )


def _unify(text: str) -> str:
    """Return the text with line breaks as JSON has them; a form posts CRLF."""
    return re.sub(r"\r\n?", "\n", text).strip()


def _read_value(each: SchemaField, zone: tzinfo) -> Json:
    """Return what was typed as JSON. Raises: ValueError, saying what to do."""
    text = each.value.strip() if each.kind != "long" else re.sub(r"\r\n?", "\n", each.value)
    if each.kind == "boolean":
        return text == "on"
    if not text:
        return _MISSING
    readers: dict[str, Callable[[str], Json]] = {
        "integer": lambda given: read_number(given, whole=True),
        "number": read_number,
        "json": _read_json,
        "file": lambda given: _read_files(given, many=each.many),
        "choice": _read_json,
        "datetime": lambda given: read_instant(given, zone).isoformat().replace("+00:00", "Z"),
        "date": lambda given: read_date(given).isoformat(),
    }
    return readers.get(each.kind, str)(text)


def _read_json(text: str) -> Json:
    try:
        return read_json(text)
    except ValueRefused as error:
        raise ValueError(str(error)) from None


def _read_files(text: str, *, many: bool) -> Json:
    """Return the references of a list, or the only one. The services check whose files they are."""
    given = _read_json(text)
    if not _is_list(given) or not all(isinstance(one, Mapping) for one in given):
        raise ValueError("These are no files. Choose them again.")
    if many:
        return given or _MISSING
    if len(given) > 1:
        raise ValueError(f"{len(given)} files were chosen. Choose one.")
    return given[0] if given else _MISSING


def _find_field(fields: Iterable[SchemaField], path: Path) -> SchemaField | None:
    """Return the field at ``path``, or the one that holds it."""
    for each in fields:
        if path[: len(each.path)] == each.path:
            return _find_field(each.children, path) or each
    return None
