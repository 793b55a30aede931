"""Estimate what a cutoff would mean: volume, people's time, errors with an interval.

static/flows/lab.js computes the same while the cutoff is dragged.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.lab.evidence import Evidence, Point
from flows.lab.intervals import wilson_interval
from flows.lab.thresholds import Threshold

Json = Any
BANDS = 24


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the runs go with a cutoff, and what the machine would get wrong.

    ``newly`` are runs that people saw and that the machine would decide. ``judged`` are those of
    them that a person decided, and ``wrong`` those whose outcome would be another. ``errors`` is
    the share of wrong ones, applied to ``newly``; ``low`` and ``high`` are its interval.
    """

    at: float
    ports: dict[str, int] = field(default_factory=dict)
    people: int = 0
    minutes: float = 0.0
    judged: int = 0
    wrong: int = 0
    newly: int = 0
    errors: float = 0.0
    low: float = 0.0
    high: float = 0.0


def estimate(
    evidence: Evidence, threshold: Threshold, at: float, *, minutes_each: float
) -> Estimate:
    """Return what the cutoff ``at`` would have meant for the recorded runs."""
    ports = Counter(point.port_at(threshold, at) for point in evidence.points)
    people = sum(ports[port] for port in evidence.people_ports)
    newly, judged, wrong = _count_newly_decided(evidence, threshold, at)
    low, high = wilson_interval(wrong, judged)
    return Estimate(
        at=at,
        ports=dict(ports),
        people=people,
        minutes=people * minutes_each,
        judged=judged,
        wrong=wrong,
        newly=newly,
        errors=newly * wrong / judged if judged else 0.0,
        low=newly * low,
        high=newly * high,
    )


def _count_newly_decided(
    evidence: Evidence, threshold: Threshold, at: float
) -> tuple[int, int, int]:
    """Return the counts ``newly``, ``judged`` and ``wrong`` of an Estimate."""
    judged = wrong = newly = 0
    for point in evidence.points:
        port = point.port_at(threshold, at)
        if port in evidence.people_ports or point.went not in evidence.people_ports:
            continue
        newly += 1
        usual = evidence.usual.get(port)
        if point.decided and usual:
            judged += 1
            wrong += point.decided != usual
    return newly, judged, wrong


@dataclass(frozen=True, slots=True)
class Band:
    """A bar of the histogram. ``decided`` counts people's outcomes among its runs."""

    start: float
    end: float
    count: int
    decided: dict[str, int]


def make_bands(points: Sequence[Point], *, bands: int = BANDS) -> list[Band]:
    """Return bands of equal width over all values; the highest value is in the last one."""
    if not points:
        return []
    low, high = points[0].value, points[-1].value
    width = (high - low) / bands or 1.0
    counts = [0] * bands
    decided: list[Counter[str]] = [Counter() for _ in range(bands)]
    for point in points:
        place = min(bands - 1, int((point.value - low) / width))
        counts[place] += 1
        if point.decided:
            decided[place][point.decided] += 1
    return [
        Band(low + width * n, low + width * (n + 1), counts[n], dict(decided[n]))
        for n in range(bands)
    ]
