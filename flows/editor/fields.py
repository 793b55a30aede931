"""The inspector's fields, made from a JSON Schema, and the names that expressions can use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.graph.operations import parse_edge
from flows.steps.registry import UnknownStepType, get_step_type

Json = Any
LONG_TEXT = 300
DEEPEST = 4


@dataclass(slots=True)
class Field:
    """One field. ``kind`` names its widget; ``path`` is the pointer that ``set_field`` takes."""

    kind: str
    path: str
    label: str
    help: str = ""
    value: Json = None
    default: Json = None
    required: bool = False
    examples: Sequence[Json] = ()
    choices: Sequence[Json] = ()
    fields: list["Field"] = field(default_factory=list)
    items: list["Field"] = field(default_factory=list)
    blank: Json = None
    problems: list[Json] = field(default_factory=list)
    # Of a field whose value is the name of something: what, as ``flows.editor.picking`` knows it.
    picks: str = ""
    offer: Json = None

    @property
    def id(self) -> str:
        return "field" + self.path.replace("/", "-").replace("~", "_")

    @property
    def first(self) -> Json:
        """The number that a map's new name begins with: that of its example."""
        example = self.examples[0] if self.examples else {}
        return next(iter(example.values()), 1) if isinstance(example, dict) else 1

    @property
    def example(self) -> str:
        first = self.examples[0] if self.examples else ""
        return first if isinstance(first, str) else json.dumps(first, ensure_ascii=False)

    @property
    def name(self) -> str:
        """The path as problems write it: ``with.cases[0].when``."""
        return to_dotted(self.path)


def to_dotted(path: str) -> str:
    """Return a JSON pointer as problems write it: ``with.cases[0].when``."""
    parts = [f"[{key}]" if key.isdecimal() else f".{key}" for key in path.split("/")[1:]]
    return "".join(parts).removeprefix(".")


# --- From a schema to fields ------------------------------------------------------------------


def build_object_fields(
    schema: Json, defs: Json, value: Json, path: str, problems: Sequence[Json], depth: int = 0
) -> list[Field]:
    """Return a field for each property of an object's schema."""
    required = schema.get("required", [])
    fields = []
    for key, each in schema.get("properties", {}).items():
        pointer = f"{path}/{escape(key)}"
        field_ = build_field(
            each,
            defs,
            value.get(key) if isinstance(value, dict) else None,
            pointer,
            key,
            problems,
            depth,
        )
        field_.required = key in required
        fields.append(field_)
    return fields


def build_field(
    schema: Json,
    defs: Json,
    value: Json,
    path: str,
    key: str,
    problems: Sequence[Json],
    depth: int = 0,
) -> Field:
    """Return the field for a value, with its problems; ``defs`` are the schema's ``$defs``."""
    schema = resolve(schema, defs)
    made = Field(
        kind=choose_kind(schema, value, depth),
        path=path,
        label=schema.get("title") or key.replace("_", " ").capitalize(),
        help=schema.get("description", ""),
        value=value,
        default=schema.get("default"),
        examples=schema.get("examples", ()),
        choices=schema.get("enum", ()),
        problems=[each for each in problems if each["field"] == to_dotted(path)],
    )
    made.picks = schema.get("picks", "")
    if made.kind == "map":
        made.items = [
            build_field(
                {**schema["additionalProperties"], "title": name},
                defs, each, f"{path}/{escape(name)}", name, problems, depth + 1,
            )
            for name, each in (value or {}).items()
        ]  # fmt: skip
    elif made.kind == "object":
        made.fields = build_object_fields(schema, defs, value, path, problems, depth + 1)
    elif made.kind == "list":
        add_item_fields(made, schema, defs, problems, depth)
    return made


def add_item_fields(
    made: Field, schema: Json, defs: Json, problems: Sequence[Json], depth: int
) -> None:
    item = {
        **resolve(schema.get("items", {}), defs),
        **({"picks": made.picks} if made.picks else {}),
    }
    made.blank = {} if item.get("type") == "object" else ""
    for index, each in enumerate(made.value or []):
        part = build_field(
            item, defs, each, f"{made.path}/{index}", str(index), problems, depth + 1
        )
        part.label = f"{item.get('title') or to_singular(made.label)} {index + 1}"
        made.items.append(part)


def escape(key: str) -> str:
    """Return a key as a JSON pointer writes it."""
    return key.replace("~", "~0").replace("/", "~1")


def to_singular(label: str) -> str:
    return label[:-1] if label.endswith("s") and not label.endswith("ss") else label


def resolve(schema: Json, defs: Json) -> dict[str, Json]:
    """Return the schema with references followed, and an optional one without its null."""
    while "$ref" in schema:
        rest = {k: v for k, v in schema.items() if k != "$ref"}
        schema = {**defs.get(schema["$ref"].rsplit("/", 1)[-1], {}), **rest}
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) == 1:
        rest = {k: v for k, v in schema.items() if k != "anyOf"}
        return resolve({**kinds[0], **rest}, defs)
    return dict(schema)


# What a field that names something may hold, for its widget to show it: one name, or some as keys.
_PICKED: Mapping[Any, Any] = {"object": dict | None, "string": str | None}


def choose_kind(schema: Mapping[str, Json], value: Json, depth: int) -> str:
    """Return the name of the widget: ``json`` for what has none of its own."""
    if "picks" in schema and isinstance(value, _PICKED.get(schema.get("type"), ())):
        return "map" if schema["type"] == "object" else "pick"
    return choose_plain_kind(schema, value, depth)


def choose_plain_kind(schema: Mapping[str, Json], value: Json, depth: int) -> str:
    kind = schema.get("type")
    if "enum" in schema:
        return "enum"
    if kind == "array" and "items" in schema and depth < DEEPEST:
        return "list" if value is None or isinstance(value, list) else "json"
    if kind == "object" and "properties" in schema and depth < DEEPEST:
        return "object" if value is None or isinstance(value, dict) else "json"
    if kind == "string" and isinstance(value, str | None):
        return choose_text_kind(schema)
    if kind == "boolean" and not isinstance(value, bool | None):
        return "text"
    return {"boolean": "bool", "number": "number", "integer": "number"}.get(str(kind), "json")


def choose_text_kind(schema: Mapping[str, Json]) -> str:
    if schema.get("format") == "cel":
        return "expression"
    return "long" if schema.get("maxLength", 0) > LONG_TEXT else "text"


# --- What an expression can use -------------------------------------------------------------


def list_suggestions(document: Mapping[str, Json], step_id: str) -> list[Json]:
    """Return ``{text, detail}`` for the flow's input and the outputs of the steps before."""
    found = [{"text": "input", "detail": "what the run was started with"}]
    found += suggest_properties("input", document.get("input") or {})
    for before in list_steps_before(document, step_id):
        step = document["steps"][before]
        found.append(
            {"text": f"steps.{before}.output", "detail": step.get("title") or step["type"]}
        )
        try:
            config = step.get("with")
            config = config if isinstance(config, dict) else {}
            schema = get_step_type(step["type"]).output_schema(config)
        except UnknownStepType:
            continue
        found += suggest_properties(f"steps.{before}.output", schema)
    return found


def suggest_properties(prefix: str, schema: Mapping[str, Json], depth: int = 0) -> list[Json]:
    """Return a suggestion for each property of a schema, two levels deep."""
    found: list[Json] = []
    for key, each in (schema.get("properties") or {}).items():
        part = resolve(each, schema.get("$defs", {}))
        found.append({"text": f"{prefix}.{key}", "detail": str(part.get("type", ""))})
        if depth < 1:
            found += suggest_properties(f"{prefix}.{key}", part, depth + 1)
    return found


def list_steps_before(document: Mapping[str, Json], step_id: str) -> list[str]:
    """Return the steps from which edges lead to this one, the nearest first."""
    into: dict[str, list[str]] = {}
    for edge in document["edges"]:
        source, _, target = parse_edge(edge)
        into.setdefault(target, []).append(source)
    found, waiting = [step_id], [step_id]
    while waiting:
        here = waiting.pop(0)
        for source in into.get(here, []):
            if source not in found and source in document["steps"]:
                found.append(source)
                waiting.append(source)
    return found[1:]
