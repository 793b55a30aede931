"""Check an output against a contract: each breach names the field and the value."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flows.contracts.leaves import read_time, take_field, type_of
from flows.contracts.model import Contract, FieldRule

Json = Any
Kind = Literal["missing", "type", "range", "category", "stale"]
LONGEST_SHOWN = 60
SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Breach:
    """What of a field does not keep to its contract. ``shown`` is the value, cut off if long."""

    path: str
    kind: Kind
    message: str
    shown: str = ""


def check_output(output: Json, contract: Contract, now: datetime) -> list[Breach]:
    """Return the first breach of each field. ``now`` is when the output was made."""
    found = (check_value(take_field(output, rule.path), rule, now) for rule in contract.fields)
    return [breach for breach in found if breach is not None]


def check_value(value: Json, rule: FieldRule, now: datetime) -> Breach | None:
    """Return the first breach of one field by its value; None is a value that is missing."""
    if value is None:
        return Breach(rule.path, "missing", "It is missing.") if rule.required else None
    kind, message = _find_fault(value, rule, now)
    return Breach(rule.path, kind, message, show(value)) if kind else None


def _find_fault(value: Json, rule: FieldRule, now: datetime) -> tuple[Kind | None, str]:
    its = type_of(value)
    if rule.type not in {"any", its} and (rule.type, its) != ("text", "time"):
        return "type", f"It is no {rule.type}."
    if its == "number":
        if rule.lowest is not None and value < rule.lowest:
            return "range", f"It is below {rule.lowest:.12g}."
        if rule.highest is not None and value > rule.highest:
            return "range", f"It is above {rule.highest:.12g}."
    if rule.categories and name_category(value) not in rule.categories:
        return "category", f"It is none of {_list(rule.categories)}."
    age = age_in_hours(value, now) if rule.oldest_hours is not None else None
    if age is not None and rule.oldest_hours is not None and age > rule.oldest_hours:
        return "stale", f"It is {age:.1f} hours old, more than {rule.oldest_hours:.12g}."
    return None, ""


def age_in_hours(value: Json, now: datetime) -> float | None:
    """Return how old a date-time is, negative where it is still to come; None if it is none."""
    at = read_time(value)
    return None if at is None else (now - at).total_seconds() / SECONDS


def name_category(value: Json) -> str:
    """Return the category that a text, a truth value or a number is."""
    return value if isinstance(value, str) else json.dumps(value)


def show(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _list(categories: Sequence[str], most: int = 6) -> str:
    more = len(categories) - most
    return ", ".join(categories[:most]) + (f" and {more} more" if more > 0 else "")
