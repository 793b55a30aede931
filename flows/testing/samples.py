"""Make a value that fits a JSON Schema, to start from. Pure."""

from collections.abc import Mapping
from typing import Any

Json = Any
DEEPEST = 6


def make_sample(schema: Mapping[str, Json], depth: int = 0) -> Json:
    """Return an example that the schema names, or the simplest value of its type."""
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return make_sample(schema[key][0], depth + 1)
    return _make_simplest(schema, depth)


def _make_simplest(schema: Mapping[str, Json], depth: int) -> Json:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        parts = schema.get("properties")
        if not isinstance(parts, Mapping) or depth >= DEEPEST:
            return {}
        return {name: make_sample(part, depth + 1) for name, part in parts.items()}
    if kind in {"number", "integer"}:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return least + ("exclusiveMinimum" in schema)
    return {"string": "", "boolean": False, "array": []}.get(str(kind))
