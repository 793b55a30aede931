"""The JSON values that a document may hold, whatever it was read from."""

from collections.abc import Mapping
from typing import Any

from flows.graph.model import Json
from flows.graph.problems import Problem
from workbench.values import checking as values
from workbench.values.json_text import parse_json
from workbench.values.refusals import DuplicateKey, NotJson, TooDeep, ValueRefused

Path = tuple[str | int, ...]
Lines = dict[Path, int]

# Shallower than other values, for a document is wrapped where it is stored, sent and compared.
MAX_DEPTH = 60
MAX_VALUES = 100_000  # keys count too


def format_path(path: Path) -> str:
    """Return the path as authors read it: ``with.cases[0].when``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


class TextProblem(ValueError):
    """The text or mapping holds something else than plain JSON values."""

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


def too_many_values(line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.too_large",
        f"The document holds more than {MAX_VALUES:,} keys and values.",
        "Move large samples and tables out of the flow, or split it into subflows.",
        line,
    )


def duplicate_key(key: str, line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.duplicate_key",
        f"The key {key!r} appears twice in one mapping.",
        "Remove or rename one of them.",
        line,
    )


def read_json(text: str) -> Json:
    """Return the value of strict JSON text: without NaN, and no key twice in one mapping.

    Raises: NotJson, TextProblem.
    """
    try:
        data = parse_json(text)
    except NotJson:
        raise
    except TooDeep:
        raise too_deep() from None
    except DuplicateKey as error:
        raise TextProblem("document.duplicate_key", error.message, error.remedy) from None
    except ValueRefused as error:
        raise TextProblem("document.number", error.message, error.remedy) from None
    _check_count(data)
    return copy_value(data)


def _check_count(value: Json) -> None:
    """Raise TextProblem if the value holds more than MAX_VALUES keys and values."""
    count, waiting = 1, [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            count += 2 * len(current)
            waiting += current.values()
        elif isinstance(current, list | tuple):
            count += len(current)
            waiting += current
        if count > MAX_VALUES:
            raise too_many_values()


def copy_value(value: Any, depth: int = 0) -> Json:
    """Return a copy of the value. Raises: TextProblem for whatever JSON cannot hold."""
    if depth > MAX_DEPTH:
        raise too_deep()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return check_text(value)
    if isinstance(value, int | float):
        return check_number(value)
    if isinstance(value, Mapping):
        return {_check_key(key): copy_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_value(item, depth + 1) for item in value]
    raise TextProblem(
        "document.not_json",
        f"A value of type {type(value).__name__} cannot be stored.",
        "Use text, numbers, true, false, null, lists and mappings.",
    )


def _check_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TextProblem("document.key", f"The key {key!r} is not text.", "Put it in quotes.")
    return check_text(key)


def check_text(value: str, line: int | None = None) -> str:
    """Return the text. Raises: TextProblem for one that cannot be stored."""
    try:
        values.check_text(value)
    except ValueRefused as error:
        raise TextProblem("document.text", error.message, error.remedy, line) from None
    return value


def check_number(value: int | float, line: int | None = None) -> int | float:
    """Return the number. Raises: TextProblem where readers in other languages would change it."""
    try:
        values.check_value(value)
    except ValueRefused as error:
        raise TextProblem("document.number", error.message, error.remedy, line) from None
    return value
