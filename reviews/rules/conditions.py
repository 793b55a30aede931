"""Find which parts of a form apply, by the conditions of its JSON Schema. Pure but for the library.

Understood are `if`, `then`, `else`, `allOf`, `dependentSchemas` and `dependentRequired`: the ways
in which JSON Schema makes a property depend on another one's value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.values.schemas import SCHEMA_ERRORS, make_condition

Json = Any
Schema = Mapping[str, Json]


def list_properties(schema: Schema) -> dict[str, Schema]:
    """Return every property that the schema may ask for, whatever the values are, in its order."""
    found = _list_own(schema)
    for branch in _list_branches(schema):
        for key, part in list_properties(branch).items():
            found.setdefault(key, part)
    return found


def find_active(schema: Schema, values: Mapping[str, Json]) -> tuple[dict[str, Schema], set[str]]:
    """Return the properties that apply to these values, and which of them are required."""
    found, required = _list_own(schema), set(schema.get("required") or ())
    for key, names in (schema.get("dependentRequired") or {}).items():
        required |= set(names) if key in values else set()
    for branch in _list_holding(schema, values):
        parts, needed = find_active(branch, values)
        found = found | {key: part for key, part in parts.items() if key not in found}
        required |= needed
    return found, required


def _list_own(schema: Schema) -> dict[str, Schema]:
    parts = schema.get("properties") or {}
    return {key: part for key, part in parts.items() if isinstance(part, Mapping)}


def _list_branches(schema: Schema) -> Iterator[Schema]:
    for name in ("then", "else"):
        if isinstance(schema.get(name), Mapping):
            yield schema[name]
    yield from _list_mappings(schema.get("allOf"))
    yield from _list_mappings((schema.get("dependentSchemas") or {}).values())


def _list_holding(schema: Schema, values: Mapping[str, Json]) -> Iterator[Schema]:
    if isinstance(schema.get("if"), Mapping):
        branch = schema.get("then" if holds(schema["if"], values) else "else")
        yield from _list_mappings([branch])
    yield from _list_mappings(schema.get("allOf"))
    for key, branch in (schema.get("dependentSchemas") or {}).items():
        if key in values:
            yield from _list_mappings([branch])


def _list_mappings(parts: Any) -> Iterator[Schema]:
    for part in parts or ():
        if isinstance(part, Mapping):
            yield part


def holds(condition: Schema, values: Mapping[str, Json]) -> bool:
    """Return whether the values fulfil the condition; False if it is no valid schema."""
    try:
        return make_condition(condition).is_valid(dict(values))
    except SCHEMA_ERRORS:
        return False
