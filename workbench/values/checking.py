"""Check whether a JSON value can be stored, hashed and shown without changing.

The limits, and why:

- Whole numbers within ±(2^53 - 1): beyond that, browsers and RFC 8785 round them.
- Numbers are finite: JSON has no NaN and no infinity.
- Text holds no NUL, which PostgreSQL refuses, and no lone surrogate, which UTF-8 cannot write.
- At most `MAX_DEPTH` levels: parsers, validators and databases end at different depths above it.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.values.refusals import ValueRefused

Json = Any

MAX_DEPTH = 100
# For values that were checked at their own door, and that the engine has wrapped into others.
MAX_WRAPPED_DEPTH = 2 * MAX_DEPTH
MAX_INTEGER = 2**53 - 1

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def check_value(value: Json, *, max_depth: int = MAX_DEPTH) -> None:
    """Raise ValueRefused, with the place, if the value holds anything that cannot be kept."""
    # The common case: each value is visited once, and no path is kept. A refusal makes its path.
    waiting = [(value, 1)]
    while waiting:
        current, depth = waiting.pop()
        kind = type(current)
        if kind is dict:
            fit = depth <= max_depth and all(map(_is_fit_key, current))
            waiting += [(item, depth + 1) for item in current.values()]
        elif kind is list:
            fit = depth <= max_depth
            waiting += [(item, depth + 1) for item in current]
        else:
            fit = _is_fit(current, kind)
        if not fit:
            _refuse(value, max_depth)


def check_text(text: str, *, at: str = "") -> None:
    """Raise ValueRefused if the text holds a NUL or half of a surrogate pair."""
    if (fault := _text_fault(text)) is not None:
        raise ValueRefused(*fault, at)


def fits(value: Json) -> bool:
    """Say whether the value can be kept."""
    try:
        check_value(value)
    except ValueRefused:
        return False
    return True


def pointer_to(path: tuple[str | int, ...]) -> str:
    """Return the JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _is_fit(value: object, kind: type) -> bool:
    if kind is str:
        return _is_fit_key(value)
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator]
    return value is None or kind is bool or _fault(value) is None


def _is_fit_key(key: object) -> bool:
    return isinstance(key, str) and _UNFIT.search(key) is None


def _fault(value: object) -> tuple[str, str] | None:
    """Return what is wrong with a value that is no list or mapping, and the remedy."""
    match value:
        case str():
            return _text_fault(value)
        case bool() | None:
            return None
        case int() if abs(value) > MAX_INTEGER:
            return (
                "The whole number has more than 15 digits and would be rounded.",
                f"Use a number within ±{MAX_INTEGER}, or send it as text.",
            )
        case float() if not math.isfinite(value):
            return "The number is not finite.", "Send a finite number, null or text."
        case int() | float():
            return None
    return (
        f"A value of the type {type(value).__name__} is not JSON.",
        "Use text, numbers, true, false, null, lists and mappings with text as keys.",
    )


def _text_fault(text: str) -> tuple[str, str] | None:
    found = _UNFIT.search(text)
    if found is None:
        return None
    if found[0] == "\x00":
        return "The text holds a NUL character.", "Remove it, or send the bytes as an artifact."
    return "The text holds half of a surrogate pair.", "Send the whole character."


def _refuse(value: Json, max_depth: int) -> None:
    """Raise ValueRefused for the first fault. A subclass of a JSON type, or a tuple, has none."""
    for path, fault in _faults(value, (), max_depth):
        raise ValueRefused(*fault, pointer_to(path))


def _faults(
    value: Json, path: tuple[str | int, ...], room: int
) -> Iterator[tuple[tuple[str | int, ...], tuple[str, str]]]:
    """Yield the place and the fault of what cannot be kept. Never deeper than ``room`` levels."""
    if isinstance(value, Mapping | list | tuple) and room == 0:
        yield path, ("The value nests too deep.", "Flatten it, or send it as an artifact.")
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield path, (f"The key {key!r} is not text.", "Put it in quotes.")
            elif (fault := _text_fault(key)) is not None:
                yield path, fault
            else:
                yield from _faults(item, (*path, key), room - 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _faults(item, (*path, index), room - 1)
    elif (fault := _fault(value)) is not None:
        yield path, fault
