"""A language model's answer as JSON: read strictly, checked by a schema, and where its parts stand.

What a model wrote is data. Nothing in it is evaluated, and a server's promise to obey a schema is
not relied on.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.steps.base import Json, StepFailure
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused
from workbench.values.schemas import SCHEMA_ERRORS, BoundedValidator, make_validator

MOST_FAULTS = 20
LONGEST_FAULT = 300

# Models like to wrap JSON in a Markdown fence.
_FENCED = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n(?P<inside>.*?)\r?\n?```\s*", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an answer. ``field`` is a JSON pointer, "" for the whole of it."""

    field: str
    message: str

    def as_json(self) -> dict[str, Json]:
        return {"field": self.field, "message": self.message}


@dataclass(frozen=True, slots=True)
class Structured:
    """An answer as read. ``begins`` is where in the text its JSON begins."""

    value: Json
    faults: Sequence[Fault] = ()
    begins: int = 0


def make_schema_validator(schema: Mapping[str, Json]) -> BoundedValidator:
    """Return the schema's validator. Raises: StepFailure of kind ``config``."""
    try:
        return make_validator(schema)
    except SCHEMA_ERRORS as error:
        raise StepFailure(
            f"The answer's schema is not a JSON Schema: {shorten(str(error))}",
            kind="config",
            retryable=False,
        ) from error


def read_structured(text: str, validator: BoundedValidator) -> Structured:
    """Return the value that the text holds, and what is wrong with it."""
    fenced = _FENCED.fullmatch(text)
    begins = fenced.start("inside") if fenced else 0
    try:
        value = read_json(fenced["inside"] if fenced else text)
    except ValueRefused as error:
        return Structured(None, [Fault(error.at, shorten(error.message))])
    faults = [
        Fault(_to_pointer(each.instance_path), shorten(each.message))
        for each in validator.iter_errors(value)[:MOST_FAULTS]
    ]
    return Structured(value, faults, begins)


def find_field_spans(text: str, begins: int) -> Iterator[tuple[str, int, int]]:
    """Yield each field of the JSON object at ``begins``, with where its value begins and ends.

    For a value that is no object, yield that alone, as the field "". The text is known to be JSON.
    """
    at = _skip_space(text, begins)
    if text[at] != "{":
        yield "", at, _DECODER.raw_decode(text, at)[1]
        return
    at = _skip_space(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        begin = _skip_space(text, _skip_space(text, at) + 1)
        at = _DECODER.raw_decode(text, begin)[1]
        yield name, begin, at
        at = _skip_space(text, at)
        if text[at] == ",":
            at = _skip_space(text, at + 1)


def take_path(value: Json, path: str) -> Json:
    """Return what stands at a dotted path, None if there is nothing."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def shorten(text: str) -> str:
    first = text.strip().partition("\n")[0]
    return first if len(first) <= LONGEST_FAULT else f"{first[:LONGEST_FAULT]}…"


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _to_pointer(path: Sequence[Any]) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
