"""The texts in a JSON value, with the way to each, and a value made anew with some replaced."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.guards.findings import Path

Json = Any
MOST_TEXTS = 100_000
MOST_CHARACTERS = 2_000_000
DEEPEST = 200


class ValueTooLarge(ValueError):
    """There is more text in the value than a guard looks at. Check a part of it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text in a value: a text, a whole number as text, or the key of an object (``is_key``)."""

    path: Path
    text: str
    is_key: bool = False


def list_leaves(value: Json) -> list[Leaf]:
    """Return the texts of a value in their order. Raises: ValueTooLarge."""
    leaves, characters = [], 0
    for leaf in _walk(value, ()):
        leaves.append(leaf)
        characters += len(leaf.text)
        if len(leaves) > MOST_TEXTS or characters > MOST_CHARACTERS:
            raise ValueTooLarge(
                f"The value has more than {MOST_TEXTS:,} texts or {MOST_CHARACTERS:,} characters."
            )
    return leaves


def _walk(value: Json, path: Path) -> Iterator[Leaf]:
    if len(path) > DEEPEST:
        raise ValueTooLarge(f"The value is nested more than {DEEPEST} deep.")
    if isinstance(value, str):
        yield Leaf(path, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Leaf(path, str(value))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield Leaf((*path, key), key, is_key=True)
            yield from _walk(each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _walk(each, (*path, index))


def replace_leaves(
    value: Json, change: Callable[[Json, Path, bool], Json], path: Path = ()
) -> Json:
    """Return the value with each text, whole number and key as ``change`` makes it.

    ``change`` gets the text or number, the way to it, and whether it is a key. Keys that become the
    same are numbered, so that none of their values is lost.
    """
    if isinstance(value, Mapping):
        made: dict[str, Json] = {}
        for key, each in value.items():
            name = _free_name(str(change(key, (*path, key), True)), made)
            made[name] = replace_leaves(each, change, (*path, key))
        return made
    if isinstance(value, list | tuple):
        return [replace_leaves(each, change, (*path, at)) for at, each in enumerate(value)]
    if isinstance(value, str | int) and not isinstance(value, bool):
        return change(value, path, False)
    return value


def _free_name(name: str, taken: Mapping[str, Json]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"
