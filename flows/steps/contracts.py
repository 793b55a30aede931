"""A model's contract: what it takes and gives, as JSON Schema."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from workbench.values.schemas import SCHEMA_ERRORS, BoundedValidator, make_validator

Json = Any
SHOWN_CHARACTERS = 80


class Fault(NamedTuple):
    """What is wrong with a value, and in which field of it, dotted; "" is the whole of it."""

    field: str
    message: str


class Contract:
    """Checks values by a schema; an empty one promises nothing. Raises: SCHEMA_ERRORS."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._validator: BoundedValidator | None = make_validator(schema) if schema else None

    def find_fault(self, value: Json) -> Fault | None:
        """Return the first fault of the value, naming the field and what stands in it."""
        if self._validator is None:
            return None
        for found in self._validator.iter_errors(value):
            field = ".".join(str(part) for part in found.instance_path)
            return Fault(field, _explain(found))
        return None


def explain_schema_fault(schema: Json) -> str:
    """Return why this is no schema that values can be checked by; "" if it is one."""
    if not isinstance(schema, Mapping):
        return 'A contract is a JSON Schema: an object, such as {"type": "object"}.'
    try:
        Contract(schema)
    except SCHEMA_ERRORS as error:
        return f"This is no JSON Schema: {error}."
    return ""


def _explain(found: Any) -> str:
    """Return the checker's words, with the value wherever they leave it out."""
    value = json.dumps(found.instance, ensure_ascii=False, default=str)
    shown = value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}…"
    message = str(found.message)
    if len(message) > 4 * SHOWN_CHARACTERS:
        message = f"{message[: 4 * SHOWN_CHARACTERS]}…"
    return message if value in message else f"{message} (it is {shown})"
