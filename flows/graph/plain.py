"""Plain JSON values: what a document may hold, however it came."""

import json
import math
from collections.abc import Mapping
from typing import Any

from flows.graph.model import Json
from flows.graph.problems import Problem

Path = tuple[str | int, ...]
Lines = dict[Path, int]

MAX_DEPTH = 60
MAX_INT = 2**63 - 1  # what CEL, PostgreSQL and other languages' readers still hold exactly


class TextProblem(ValueError):
    """The text or mapping does not hold plain JSON values."""

    def __init__(self, code: str, message: str, remedy: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.remedy, self.line = code, message, remedy, line

    def as_problem(self) -> Problem:
        return Problem("error", self.code, "", "", self.message, self.remedy, line=self.line)


def too_deep(line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.too_deep",
        f"The document nests deeper than {MAX_DEPTH} levels.",
        "Flatten it, or move the value into an input or an artifact.",
        line,
    )


def duplicate_key(key: str, line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.duplicate_key",
        f"The key {key!r} is there twice in one mapping.",
        "Remove or rename one of them.",
        line,
    )


def read_json(text: str) -> Json:
    """Read strict JSON: no NaN, no key twice. Raises JSONDecodeError where it is no JSON."""
    try:
        data = json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise too_deep() from None
    return plain_copy(data)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    data: dict[str, Json] = {}
    for key, value in pairs:
        if key in data:
            raise duplicate_key(key)
        data[key] = value
    return data


def plain_copy(value: Any, depth: int = 0) -> Json:
    """Copy a value, refusing whatever JSON cannot hold. Raises TextProblem."""
    if depth > MAX_DEPTH:
        raise too_deep()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int | float):
        return plain_number(value)
    if isinstance(value, Mapping):
        return {_plain_key(key): plain_copy(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_copy(item, depth + 1) for item in value]
    raise TextProblem(
        "document.not_json",
        f"A value of the kind {type(value).__name__} cannot be stored.",
        "Use text, numbers, true, false, null, lists and mappings.",
    )


def _plain_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TextProblem("document.key", f"The key {key!r} is not text.", "Put it in quotes.")
    return plain_text(key)


def plain_text(value: str, line: int | None = None) -> str:
    """Return the text, refusing half surrogate pairs, which no encoding can write."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise TextProblem(
            "document.text", "A text holds half a character.", "Type it again.", line
        ) from None
    return value


def plain_number(value: int | float, line: int | None = None) -> int | float:
    """Return the number, refusing what a reader in another language would not get back."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TextProblem(
            "document.number", "A number is not finite.", "Use a finite number or text.", line
        )
    if isinstance(value, int) and abs(value) > MAX_INT:
        raise TextProblem(
            "document.number", "A whole number needs more than 64 bits.", "Put it in quotes.", line
        )
    return value
