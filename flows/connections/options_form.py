"""The form of a kind's options, made of their JSON Schema."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flows.connections.adapters.contract import Options
from flows.views.schema_form import SchemaField, SchemaForm
from workbench.shell.editing import Difference

Json = Any
# A name that stands for a place within the schema.
REF = "$ref"
_ENTRIES = ("title", "description", "default", "examples")


class OptionsForm:
    """The fields of a kind's options. ``read`` takes what was posted into ``value``."""

    def __init__(self, options: type[Options], kept: Mapping[str, Json] | None = None) -> None:
        self.schema = write_out(options.model_json_schema())
        self.form = SchemaForm(self.schema, dict(kept or {}))
        self.value: dict[str, Json] = dict(kept or {})

    @property
    def fields(self) -> list[SchemaField]:
        return self.form.fields

    @property
    def errors(self) -> list[str]:
        return [each.message for each in self.form.errors]

    @property
    def listed(self) -> list[tuple[SchemaField, str]]:
        """The faults with their fields, for the list above the form."""
        return [(each.field, each.message) for each in self.form.errors if each.field is not None]

    def read(self, posted: Mapping[str, str]) -> None:
        given = self.form.read(posted)
        if isinstance(given, dict):
            self.value = {**self._list_emptied(posted), **given}

    def add_problem(self, path: Sequence[str], message: str) -> bool:
        """Put a problem at a field; return False if there is none of that path."""
        found = _find(self.form.fields, path)
        if found is None:
            return False
        if message not in found.errors:
            found.errors.append(message)
        return True

    def compare(self, kept: Mapping[str, Json]) -> Difference:
        """Return what is saved now beside what was typed."""
        return Difference("Options of its kind", _write(kept), _write(self.value))

    def _list_emptied(self, posted: Mapping[str, str]) -> dict[str, str]:
        """Return the texts that a person emptied, which would else be what they begin with."""
        properties = self.schema["properties"]
        return {
            name: ""
            for field in self.fields
            if field.kind in {"text", "long"}
            and (name := str(field.path[-1])) in properties
            and properties[name].get("default")
            and posted.get(field.name) == ""
        }


def write_out(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Return the schema with what stands under ``$defs`` in the places that name it."""
    definitions = schema.get("$defs", {})

    def fill(part: Json) -> Json:
        if isinstance(part, list):
            return [fill(each) for each in part]
        if not isinstance(part, Mapping):
            return part
        if REF in part:
            named = definitions[part[REF].rpartition("/")[2]]
            part = {**named, **{name: part[name] for name in _ENTRIES if name in part}}
        return {name: fill(each) for name, each in part.items()}

    return {name: fill(each) for name, each in schema.items() if name != "$defs"}


def _find(fields: Sequence[SchemaField], path: Sequence[str]) -> SchemaField | None:
    for each in fields:
        if path and str(each.path[-1]) == path[0]:
            return _find(each.children, path[1:]) or each
    return None


def _write(value: Mapping[str, Json]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
