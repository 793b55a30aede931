"""The fields of an output, dotted, and what type a value is."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from workbench.values.refusals import ValueRefused
from workbench.values.times import read_instant

Json = Any
Type = Literal["number", "text", "flag", "time", "list", "any"]
TYPES: tuple[Type, ...] = ("number", "text", "flag", "time", "list", "any")
# Deeper objects, and further fields, are left alone.
MOST_DEPTH, MOST_FIELDS = 6, 100
SHORTEST_TIME = len("2026-03-31T10:00")


def list_fields(output: Json) -> dict[str, Json]:
    """Return the fields of an output by their dotted names, in its order; "" is an output alone."""
    if not isinstance(output, Mapping):
        return {"": output}
    found = {}
    for path, value in _walk(output, "", 1):
        found[path] = value
        if len(found) == MOST_FIELDS:
            break
    return found


def _walk(value: Mapping[str, Json], before: str, depth: int) -> Iterator[tuple[str, Json]]:
    for key, each in value.items():
        path = f"{before}{key}"
        if "." in key:
            continue  # it could not be told from a field of an object
        if isinstance(each, Mapping):
            if depth < MOST_DEPTH:
                yield from _walk(each, f"{path}.", depth + 1)
        else:
            yield path, each


def take_field(output: Json, path: str) -> Json:
    """Return the value of a field; None where there is none, as where it is null."""
    if not path:
        return output
    for part in path.split("."):
        if not isinstance(output, Mapping):
            return None
        output = output.get(part)
    return output


def type_of(value: Json) -> Type | None:
    """Return the type of a value; None for null, and for an object, which is no field itself."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return "number"
    if isinstance(value, str):
        return "time" if read_time(value) else "text"
    return "list" if isinstance(value, list) else None


def read_time(value: Json) -> datetime | None:
    """Return the instant that a text is, in UTC unless it says so; None if it is none."""
    if not isinstance(value, str) or len(value) < SHORTEST_TIME or value[4:5] != "-":
        return None
    try:
        return read_instant(value, UTC)
    except ValueRefused:
        return None
