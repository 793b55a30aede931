"""Values that go into expressions and come out: looked up by path, checked, and as plain JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from flows.expressions.budget import CONTAINER_COST, ITEM_COST, Budget
from flows.expressions.errors import ExpressionError

Json = Any
KeyPath = tuple[str, ...]

# The types that a result may have, as messages name them.
KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}
AS_IS = frozenset({type(None), bool, int})
_MISSING = object()


def look_up(bindings: Mapping[str, Json], path: KeyPath) -> Json:
    """Return the value at the path. Raises: ExpressionError, which says what is missing."""
    value: Json = bindings
    for depth, name in enumerate(path):
        keyed = type(value) is dict or isinstance(value, Mapping)
        found = value.get(name, _MISSING) if keyed else _MISSING
        if found is _MISSING:
            raise _explain_missing(path[: depth + 1], value)
        value = found
    return value


def _explain_missing(path: KeyPath, holder: Json) -> ExpressionError:
    name = ".".join(path)
    match path:
        case ("item" | "index",):
            return ExpressionError(
                f"`{name}` has no value here.", "It exists only inside for-each."
            )
        case ("secrets",):
            return ExpressionError("Secrets have no values here.", "Use them in a step's `with`.")
        case ("secrets", secret):
            return ExpressionError(
                f"There is no secret {secret}.", "Add it under Admin, or correct the name."
            )
        case ("steps", step):
            return ExpressionError(
                f"The step {step} has not run, so `{name}` has no value.",
                f"Test it first: has({name}) ? … : …, or let {step} run before.",
            )
    if isinstance(holder, Mapping):
        return ExpressionError(f"`{name}` is missing.", f"Test it first: has({name}) ? {name} : ….")
    return ExpressionError(
        f"`{'.'.join(path[:-1])}` is {name_kind(holder)} and has no field {path[-1]}.",
        "Correct the path.",
    )


def name_kind(value: Json) -> str:
    """Return the kind of a value as messages name it."""
    if value is None:
        return "null"
    return next((word for kind, word in KINDS.items() if type(value) is kind), "a value")


def fits(value: Json, result: type) -> bool:
    """Return whether the value has the type; a whole number is also a number."""
    if result is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if result is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, result)


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def to_json(value: Any, budget: Budget) -> Json:  # noqa: PLR0911 - one answer for each kind
    """Return CEL's value as plain JSON. Raises ExpressionError for what JSON cannot hold."""
    kind = type(value)
    if kind in AS_IS:
        return value
    if kind is str:
        budget.left -= len(value)
        if budget.left < 0:
            budget.spend(0)
        return value
    match value:
        case float() if isfinite(value):
            return value
        case dict() | Mapping():
            budget.spend(CONTAINER_COST + 2 * ITEM_COST * len(value))
            if all(map(_is_text, value)):
                return {
                    key: each if type(each) in AS_IS else to_json(each, budget)
                    for key, each in value.items()
                }
        case list() | tuple():
            budget.spend(CONTAINER_COST + ITEM_COST * len(value))
            return [each if type(each) in AS_IS else to_json(each, budget) for each in value]
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            seconds = value.total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
    raise ExpressionError(
        "The result is not JSON: it contains bytes, a type, an infinite number or a key that is "
        "not text.",
        "Convert it with string(…), or test it first.",
    )
