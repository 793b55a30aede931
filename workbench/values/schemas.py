"""Check values by JSON Schema: formats too, and nothing is read but the schema itself."""

import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

Json = Any
SCHEMA_ERRORS = (ValueError, jsonschema_rs.ReferencingError)

# RFC 3339 wants seconds and an offset, which a time of day such as an office's opening has not.
_TIME_OF_DAY = re.compile(
    r"([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)


def make_validator(schema: Mapping[str, Json] | bool) -> Any:
    """Return a validator that checks formats, such as date-time and email.

    Raises: one of SCHEMA_ERRORS for what is no schema, or refers to something outside itself.
    """
    return jsonschema_rs.validator_for(
        schema if isinstance(schema, bool) else dict(schema),
        retriever=_refuse_reference,
        validate_formats=True,
        formats={"time": is_time_of_day},
    )


def is_time_of_day(text: str) -> bool:
    """Say whether the text is a time of day, with or without seconds and an offset."""
    return _TIME_OF_DAY.fullmatch(text) is not None


def _refuse_reference(uri: str) -> Json:
    raise ValueError(f"{uri} is outside the document. Put what it names under $defs.")
