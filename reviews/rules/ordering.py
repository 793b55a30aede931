"""The order of a queue. Pure.

Each case gets one number, its rank; the lowest comes first::

    rank = sla * due + (1 - sla) * opened - priority * steps - value * amount / 1000

``due`` and ``opened`` are instants in seconds since 1970, ``steps`` is how far the priority is
above low (urgent 3, high 2, normal 1, low 0). ``sla`` is a share (1: by due time, 0: by age),
``priority`` is the seconds that one step of priority is worth, ``value`` the seconds that 1,000
units of the amount at stake are worth. Nothing in it depends on the present: all cases age at the
same pace, so the rank is stored, indexed, and changes only when the case does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PRIORITIES = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
# No due time means that no promise presses: such a case ranks as if due this long after opening.
UNHURRIED_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Ordering:
    sla: float = 1.0
    priority: float = 4 * 3600
    value: float = 0.0


def read_ordering(data: Mapping[str, Any]) -> Ordering:
    """Build an ordering from a queue's stored form. Raises: ValueError on an unknown weight."""
    if unknown := set(data) - {"sla", "priority", "value"}:
        raise ValueError(f"unknown weight {sorted(unknown)[0]!r}: use sla, priority, value")
    ordering = Ordering(**{name: float(weight) for name, weight in data.items()})
    if not 0 <= ordering.sla <= 1:
        raise ValueError("the weight `sla` is a share: use 0 to 1")
    return ordering


def rank(
    ordering: Ordering,
    *,
    opened_at: datetime,
    due_at: datetime | None,
    priority: int,
    value: float | None,
) -> float:
    """Return a case's place in its queue; the lowest comes first."""
    opened = opened_at.timestamp()
    due = due_at.timestamp() if due_at else opened + UNHURRIED_SECONDS
    urgency = ordering.sla * due + (1 - ordering.sla) * opened
    steps = PRIORITIES["low"] - priority
    return urgency - ordering.priority * steps - ordering.value * (value or 0.0) / 1000
