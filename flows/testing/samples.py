"""A value that a JSON Schema would take: something to begin with. Pure."""

from collections.abc import Mapping
from typing import Any

Json = Any
DEEPEST = 6


def sample_of(schema: Mapping[str, Json], depth: int = 0) -> Json:
    """Return an example the schema names, else the plainest value of its kind."""
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return sample_of(schema[key][0], depth + 1)
    return _plain(schema, depth)


def _plain(schema: Mapping[str, Json], depth: int) -> Json:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        parts = schema.get("properties")
        if not isinstance(parts, Mapping) or depth >= DEEPEST:
            return {}
        return {name: sample_of(part, depth + 1) for name, part in parts.items()}
    if kind in {"number", "integer"}:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return least + ("exclusiveMinimum" in schema)
    return {"string": "", "boolean": False, "array": []}.get(str(kind))
