"""Which parts of a form stand now, by the conditions of its JSON Schema. Pure but for the library.

Understood are `if`, `then`, `else`, `allOf`, `dependentSchemas` and `dependentRequired`: the ways
in which JSON Schema makes a property depend on another one's value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

Json = Any
Schema = Mapping[str, Json]


def properties_of(schema: Schema) -> dict[str, Schema]:
    """Return every property that the schema may ask for, whatever the values are, in its order."""
    found = _own(schema)
    for branch in _branches(schema):
        for key, part in properties_of(branch).items():
            found.setdefault(key, part)
    return found


def active_of(schema: Schema, values: Mapping[str, Json]) -> tuple[dict[str, Schema], set[str]]:
    """Return the properties that stand for these values, and which of them are required."""
    found, required = _own(schema), set(schema.get("required") or ())
    for key, names in (schema.get("dependentRequired") or {}).items():
        required |= set(names) if key in values else set()
    for branch in _holding(schema, values):
        parts, needed = active_of(branch, values)
        found = found | {key: part for key, part in parts.items() if key not in found}
        required |= needed
    return found, required


def _own(schema: Schema) -> dict[str, Schema]:
    parts = schema.get("properties") or {}
    return {key: part for key, part in parts.items() if isinstance(part, Mapping)}


def _branches(schema: Schema) -> Iterator[Schema]:
    for name in ("then", "else"):
        if isinstance(schema.get(name), Mapping):
            yield schema[name]
    yield from _mappings(schema.get("allOf"))
    yield from _mappings((schema.get("dependentSchemas") or {}).values())


def _holding(schema: Schema, values: Mapping[str, Json]) -> Iterator[Schema]:
    if isinstance(schema.get("if"), Mapping):
        branch = schema.get("then" if holds(schema["if"], values) else "else")
        yield from _mappings([branch])
    yield from _mappings(schema.get("allOf"))
    for key, branch in (schema.get("dependentSchemas") or {}).items():
        if key in values:
            yield from _mappings([branch])


def _mappings(parts: Any) -> Iterator[Schema]:
    for part in parts or ():
        if isinstance(part, Mapping):
            yield part


def holds(condition: Schema, values: Mapping[str, Json]) -> bool:
    """Say whether the values fulfil a condition; one that is no schema holds for nothing."""
    try:
        return bool(jsonschema_rs.is_valid(dict(condition), dict(values)))
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        return False
