"""Check values by JSON Schema: formats too, and nothing is read but the schema itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from workbench.values.schema_work import BACKTRACKS, SchemaWork, measure_size

Json = Any
# The work of a schema that need not be counted for each value, in units of schema_work.
LIGHT = 100
MAX_WORK = 10_000_000
# Up to here every fault is listed: writing one costs far more than finding it.
MAX_LISTED = 10_000
MAX_WRITTEN = 500_000  # values in messages, each as often as the schema might write it
TOO_MUCH = (
    "The value is too large for this schema: checking it would take too long. "
    "Send less, or simplify the schema"
)
SCHEMA_ERRORS = (ValueError, jsonschema_rs.ReferencingError)

# RFC 3339 wants seconds and an offset, which a time of day such as an office's opening has not.
_TIME_OF_DAY = re.compile(
    r"([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)


def make_validator(schema: Mapping[str, Json] | bool) -> "BoundedValidator":
    """Return a validator that checks formats, such as date-time and email.

    Raises: one of SCHEMA_ERRORS for what is no schema, refers to something outside itself, or
    would make too much work.
    """
    plain = schema if isinstance(schema, bool) else dict(schema)
    return BoundedValidator(
        plain,
        jsonschema_rs.validator_for,
        retriever=_refuse_reference,
        validate_formats=True,
        formats={"time": is_time_of_day},
    )


def make_condition(schema: Mapping[str, Json]) -> "BoundedValidator":
    """Return a validator of a condition within a schema, which does not look at formats.

    Raises: as ``make_validator``.
    """
    return BoundedValidator(dict(schema), jsonschema_rs.validator_for, retriever=_refuse_reference)


@dataclass(frozen=True, slots=True)
class GeneralFault:
    """A fault without a place: that of a value which was not looked at, or not to the end."""

    message: str
    instance: Json
    instance_path: tuple[str | int, ...] = ()

    @property
    def kind(self) -> Any:
        return self

    @property
    def name(self) -> str:
        return "work"


class BoundedValidator:
    """Checks values by a schema in bounded time: what would take longer is a fault."""

    def __init__(self, schema: Mapping[str, Json] | bool, make: Any, **options: Any) -> None:
        self.work = SchemaWork(schema)
        patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS)
        self.validator = make(schema, pattern_options=patterns, **options)

    def is_valid(self, value: Json) -> bool:
        """Return whether the value fits; one that would make too much work does not."""
        return not self._is_too_much(value) and bool(self.validator.is_valid(value))

    def iter_errors(self, value: Json) -> list[Any]:
        """Return what is wrong with the value: all of it, or the first of very many faults."""
        if self._is_too_much(value):
            return [GeneralFault(TOO_MUCH, value)]
        if self.validator.is_valid(value):
            return []
        if self._can_list(value):
            return list(self.validator.iter_errors(value))
        if self.work.has_choices:
            # The fault of a choice holds those of all that was tried, each with the value.
            return [GeneralFault("The value does not fit the schema", value)]
        try:
            self.validator.validate(value)
        except jsonschema_rs.ValidationError as first:
            return [first]
        return []

    def validate(self, value: Json) -> None:
        """Raise ValueError with the first of what is wrong with the value."""
        if found := self.iter_errors(value):
            raise ValueError(found[0].message)

    def _can_list(self, value: Json) -> bool:
        size = measure_size(value, MAX_WRITTEN)
        return size * self.work.total <= MAX_WRITTEN and (
            self.work.of(value, MAX_LISTED) <= MAX_LISTED
        )

    def _is_too_much(self, value: Json) -> bool:
        is_light = self.work.total <= LIGHT and not self.work.is_recursive
        return not is_light and self.work.of(value, MAX_WORK) > MAX_WORK


def is_time_of_day(text: str) -> bool:
    """Say whether the text is a time of day, with or without seconds and an offset."""
    return _TIME_OF_DAY.fullmatch(text) is not None


def _refuse_reference(uri: str) -> Json:
    raise ValueError(f"{uri} is outside the document. Put what it names under $defs.")
