"""JSON values: the types of this package, comparing, and copies with one change."""

from typing import Any

Json = Any
Mapped = dict[str, Json]
# What an operation gives: the changed document, and the operation that undoes the change.
Result = tuple[Mapped, Mapped]
ABSENT = object()
PAIR = 2


def same(one: Json, other: Json) -> bool:
    """Return whether two JSON values are equal; unlike ``==``, ``true`` is not ``1``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def insert(values: list[Json], value: Json, index: int) -> list[Json]:
    """Return a copy of the list with the value at the index, or at the end if it is shorter."""
    return [*values[:index], value, *values[index:]]


def without(values: Mapped, key: str) -> Mapped:
    """Return a copy without the key."""
    return {k: v for k, v in values.items() if k != key}


def rename_key(values: Mapped, old: str, new: str) -> Mapped:
    """Return a copy with one key renamed, in its old place."""
    return {new if k == old else k: v for k, v in values.items()}
