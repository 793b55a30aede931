"""The amount by which authority is judged. Pure.

A refund of 5,000 needs the authority of a payment of 5,000. What is no amount (nothing, zero, a
text, a number that is none) is never taken for a small one: only a row without ``up_to`` covers it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from reviews.rules.answers import list_shown_fields

Json = Any


def measure(value: Json) -> float | None:
    """Return the size of an amount; None if it is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value == 0:
        return None
    return abs(float(value))


def find_amount(
    value: Json,
    shown: Mapping[str, Json],
    fields: Mapping[str, Json],
    overrides: Iterable[Mapping[str, Json]] = (),
) -> float | None:
    """Return the larger of the stated and the corrected amount; None if either is odd.

    ``value`` is the case's. A field that was shown with that very number states it: ``fields`` has
    its present value, ``overrides`` what the decision would make of it.
    """
    stated = measure(value)
    if stated is None:
        return None
    corrected = {each["field"]: each["new"] for each in overrides}
    keys = [
        field["key"]
        for field in list_shown_fields(shown)
        if field.get("key") and measure(field.get("value")) == stated
    ]
    found = [stated]
    for key in keys:
        for each in (fields.get(key), corrected.get(key, fields.get(key))):
            size = measure(each)
            if size is None:
                return None
            found.append(size)
    return max(found)
