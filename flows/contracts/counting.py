"""Count a field's values against its reference as they come by: constant memory, any number."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from flows.contracts.checking import age_in_hours, check_value, name_category
from flows.contracts.leaves import type_of
from flows.contracts.model import FEWEST_VALUES, Contract, FieldRule, Reference
from flows.contracts.shifts import (
    SELDOM,
    chance_of_so_many,
    ks_chance,
    psi,
    psi_by_chance,
)

Json = Any
BINS = 10
# So many of a day's values may break the contract before the day as a whole does.
BROKEN_AT_MOST = 0.002


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a field's values. ``psi`` and ``ks`` are None where they cannot be told.

    ``missing`` and ``broken`` are counts of ``outputs``; ``breaches`` the kinds with their counts.
    ``said`` names what is wrong: ``missing``, ``broken``, ``psi``, ``ks``.
    """

    outputs: int
    missing: int
    broken: int
    breaches: dict[str, int]
    mean: float | None
    psi: float | None
    ks: float | None
    said: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """The counts of one field. Of numbers by cell: between the reference's points, and at each."""

    rule: FieldRule
    outputs: int = 0
    missing: int = 0
    numbers: int = 0
    total: float = 0.0
    breaches: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    cells: list[int] = field(init=False)

    def __post_init__(self) -> None:
        reference = self.rule.reference
        self.cells = [0] * (2 * len(reference.points) + 1 if reference else 0)

    def add(self, value: Json, at: datetime) -> None:
        """Count a value, None if it is missing. ``at`` is when the step gave it."""
        self.outputs += 1
        breach = check_value(value, self.rule, at)
        if value is None:
            self.missing += 1
            return
        if breach is not None:
            self.breaches[breach.kind] += 1
        reference = self.rule.reference
        if reference is None:
            return
        if reference.points:
            self._count_number(number_of(value, self.rule, at), reference.points)
        elif reference.counts:
            name = name_category(value)
            self.names[name if name in reference.counts else ""] += 1

    def _count_number(self, number: float | None, points: Sequence[float]) -> None:
        if number is None:
            return
        place = bisect_left(points, number)
        is_point = place < len(points) and points[place] == number
        self.cells[2 * place + is_point] += 1
        self.numbers += 1
        self.total += number

    def merge(self, other: "Tally") -> None:
        """Add what another tally of the same rule has counted."""
        self.outputs += other.outputs
        self.missing += other.missing
        self.numbers += other.numbers
        self.total += other.total
        self.breaches.update(other.breaches)
        self.names.update(other.names)
        self.cells = [one + two for one, two in zip(self.cells, other.cells, strict=True)]

    def measure(self, contract: Contract) -> Figures:
        """Return the figures, and what of them is a breach of the contract."""
        broken = sum(self.breaches.values())
        index, index_is_shift = self._measure_psi(contract.psi_at_least)
        distance, distance_is_shift = self._measure_ks(contract.ks_at_least)
        allowed = 0.0 if self.rule.required else self.rule.missing_at_most
        said = {
            "missing": allowed is not None
            and chance_of_so_many(self.missing, self.outputs, allowed) < SELDOM,
            "broken": chance_of_so_many(broken, self.outputs, BROKEN_AT_MOST) < SELDOM,
            "psi": index_is_shift,
            "ks": distance_is_shift,
        }
        mean = self.total / self.numbers if self.numbers else None
        return Figures(
            self.outputs, self.missing, broken, dict(self.breaches), mean, index, distance,
            tuple(name for name, is_so in said.items() if is_so),
        )  # fmt: skip

    def _measure_psi(self, at_least: float) -> tuple[float | None, bool]:
        reference = self.rule.reference
        if reference is None or self._count_compared() < FEWEST_VALUES:
            return None, False
        expected, actual = self._bin_numbers(reference) if reference.points else self._pair_names()
        found = psi(expected, actual)
        chance = psi_by_chance(sum(expected), sum(actual), len(expected))
        return found, found >= at_least and found > chance

    def _measure_ks(self, at_least: float) -> tuple[float | None, bool]:
        reference = self.rule.reference
        if reference is None or not reference.points or self.numbers < FEWEST_VALUES:
            return None, False
        found = _find_distance(reference, self.cells)
        chance = ks_chance(found, reference.count, self.numbers)
        return found, found >= at_least and chance < SELDOM

    def _count_compared(self) -> int:
        return self.numbers or sum(self.names.values())

    def _bin_numbers(self, reference: Reference) -> tuple[list[int], list[int]]:
        """Return the counts by tenths of the reference, which ties may make fewer and larger."""
        below = list(accumulate(self.cells))
        edges = _choose_edges(reference)
        expected = [0, *(reference.at_most[edge] for edge in edges), reference.count]
        actual = [0, *(below[2 * edge + 1] for edge in edges), self.numbers]
        return [b - a for a, b in pairwise(expected)], [b - a for a, b in pairwise(actual)]

    def _pair_names(self) -> tuple[list[int], list[int]]:
        """Return the counts by category; one cell more is for those that the reference lacks."""
        assert self.rule.reference is not None
        counts = self.rule.reference.counts
        expected, actual = list(counts.values()), [self.names[name] for name in counts]
        new = self.names[""] if "" not in counts else 0
        return ([*expected, 0], [*actual, new]) if new or len(counts) < 2 else (expected, actual)  # noqa: PLR2004


def number_of(value: Json, rule: FieldRule, at: datetime) -> float | None:
    """Return the number by which a value is compared: of a date-time, its age in hours."""
    if rule.type == "time":
        return age_in_hours(value, at)
    return value if type_of(value) == "number" else None


def _choose_edges(reference: Reference) -> list[int]:
    """Return the points that end a tenth of the reference's values, but for the last one."""
    edges: list[int] = []
    for tenth in range(1, BINS):
        edge = bisect_left(reference.at_most, reference.count * tenth / BINS)
        if edge < len(reference.points) and (not edges or edge > edges[-1]):
            edges.append(edge)
    if len(edges) > 1 and reference.at_most[edges[-1]] == reference.count:
        edges.pop()  # nothing of the reference lies above it
    return edges


def _find_distance(reference: Reference, cells: Sequence[int]) -> float:
    """Return the largest difference of the cumulative shares, at each point and just below it.

    Just below is known only where every value of the reference is a point. Where not, the points
    are so dense that no more than one of their steps, a hundredth, is overlooked.
    """
    found, numbers = list(accumulate(cells)), sum(cells)
    largest = 0.0
    before = 0
    for place, at_most in enumerate(reference.at_most):
        here = abs(found[2 * place + 1] / numbers - at_most / reference.count)
        below = abs(found[2 * place] / numbers - before / reference.count)
        largest = max(largest, here, below if reference.exact else 0.0)
        before = at_most
    return largest
