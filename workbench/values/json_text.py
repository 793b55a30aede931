"""Read JSON strictly: what JSON does not allow, or what could not be kept, is refused."""

import json
from typing import Any, NoReturn

from workbench.values.checking import MAX_DEPTH, check_value
from workbench.values.refusals import DuplicateKey, NotJson, TooDeep, ValueRefused

Json = Any

# A whole number of more digits is out of range anyway, and slow to convert.
_MOST_DIGITS = 400


def read_json(text: str | bytes, *, max_depth: int = MAX_DEPTH) -> Json:
    """Return the value that the text holds. Bytes are UTF-8, with or without a byte-order mark.

    Raises: NotJson, TooDeep, DuplicateKey; ValueRefused for NaN, infinity and numbers that
    overflow, and for whatever `check_value` refuses.
    """
    value = parse_json(text)
    check_value(value, max_depth=max_depth)
    return value


def parse_json(text: str | bytes) -> Json:
    """Return the value that the text holds, for a caller that checks it by narrower limits.

    Raises: NotJson, TooDeep, DuplicateKey; ValueRefused for NaN and infinity by name.
    """
    try:
        return json.loads(
            _decoded(text),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole_number,
        )
    except RecursionError:
        raise TooDeep(
            "The JSON nests too deep.", "Flatten it, or send it as an artifact."
        ) from None
    except json.JSONDecodeError as error:
        raise NotJson(
            f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            "Correct it there.",
        ) from None


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJson(
            f"The bytes are not UTF-8: byte {error.start} cannot be read.", "Send UTF-8."
        ) from None


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKey(
                    f"The key {key!r} is there twice in one mapping.",
                    "Remove or rename one of them.",
                )
            seen.add(key)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueRefused(f"JSON has no {name}.", "Send a finite number, null or text.")


def _whole_number(digits: str) -> int:
    return int(digits[:_MOST_DIGITS])
