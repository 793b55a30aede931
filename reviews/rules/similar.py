"""How near two cases are to one another. Pure.

Gower's distance (Gower 1971, "A general coefficient of similarity and some of its properties"): the
mean over the fields that both have of |a - b| / range for numbers and 0 or 1 for anything else.
0 is the same in everything that both have, 1 differs as much as any two of them do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``index`` is the place among the candidates; ``distance`` from 0 to 1."""

    index: int
    distance: float


def compute_ranges(rows: Sequence[Mapping[str, Json]]) -> dict[str, float]:
    """Return how far apart each number is among the rows; 0 where all are the same."""
    bounds: dict[str, tuple[float, float]] = {}
    for row in rows:
        for key, value in row.items():
            if is_number(value):
                low, high = bounds.get(key, (value, value))
                bounds[key] = (min(low, value), max(high, value))
    return {key: high - low for key, (low, high) in bounds.items()}


def measure_distance(
    one: Mapping[str, Json], other: Mapping[str, Json], ranges: Mapping[str, float]
) -> float | None:
    """Return the distance, None if they have no field in common."""
    parts = [
        _measure_field(one[key], other[key], ranges.get(key, 0.0))
        for key in one
        if key in other and one[key] is not None and other[key] is not None
    ]
    return sum(parts) / len(parts) if parts else None


def _measure_field(one: Json, other: Json, span: float) -> float:
    if is_number(one) and is_number(other):
        return abs(one - other) / span if span else 0.0
    return 0.0 if one == other else 1.0


def find_nearest(
    one: Mapping[str, Json], candidates: Sequence[Mapping[str, Json]], count: int
) -> list[Neighbour]:
    """Return the nearest candidates, the nearest first; of equals the first in order."""
    ranges = compute_ranges([one, *candidates])
    found = []
    for index, candidate in enumerate(candidates):
        apart = measure_distance(one, candidate, ranges)
        if apart is not None:
            found.append(Neighbour(index, apart))
    return sorted(found, key=lambda neighbour: neighbour.distance)[:count]


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
