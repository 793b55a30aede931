"""Learn a contract from the outputs of a reference window: a proposal, for people to edit."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.contracts.checking import age_in_hours, name_category
from flows.contracts.leaves import MOST_FIELDS, Type, list_fields, type_of
from flows.contracts.model import FieldRule, Reference

Json = Any
MOST_POINTS = 100
MOST_CATEGORIES = 20
# A text is a category where each occurs so often on average.
OFTEN = 5
# A range is this share of itself wider than what was seen, on each side.
ROOM = 0.1
# From so many outputs on, a field that none of them lacked is required.
SURE_OUTPUTS = 30
DIGITS = 3


@dataclass(slots=True)
class _Seen:
    types: Counter[Type] = field(default_factory=Counter)
    numbers: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def add(self, value: Json, at: datetime) -> None:
        its = type_of(value)
        if its is None:
            return
        self.count += 1
        self.types[its] += 1
        if its == "number":
            self.numbers.append(value)
        if its == "time" and (age := age_in_hours(value, at)) is not None:
            self.ages.append(age)
        if its in {"text", "flag"} and len(self.names) <= MOST_CATEGORIES:
            self.names[name_category(value)] += 1


@dataclass(slots=True)
class Learner:
    """Takes outputs one by one. ``outputs`` is how many it was given."""

    outputs: int = 0
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def add(self, output: Json, at: datetime) -> None:
        """Take an output that a step gave at that time."""
        self.outputs += 1
        for path, value in list_fields(output).items():
            if path in self._seen or len(self._seen) < MOST_FIELDS:
                self._seen.setdefault(path, _Seen()).add(value, at)

    def propose(self) -> list[FieldRule]:
        """Return what can be expected of each field, by what was seen of it."""
        return [self._propose_field(path, seen) for path, seen in self._seen.items()]

    def _propose_field(self, path: str, seen: _Seen) -> FieldRule:
        missing = self.outputs - seen.count
        its: Type = next(iter(seen.types)) if len(seen.types) == 1 else "any"
        required = not missing and self.outputs >= SURE_OUTPUTS
        rule = FieldRule(
            path, its, required,
            missing_at_most=None if required else widest_share(missing, self.outputs),
        )  # fmt: skip
        return _expect_values(rule, seen, missing)


def _expect_values(rule: FieldRule, seen: _Seen, missing: int) -> FieldRule:
    match rule.type:
        case "number":
            lowest, highest = widen_range(seen.numbers)
            reference = refer_to_numbers(seen.numbers, missing)
            return _with(rule, lowest=lowest, highest=highest, reference=reference)
        case "time":
            oldest = widen_range(seen.ages)[1]
            reference = refer_to_numbers(seen.ages, missing)
            return _with(rule, oldest_hours=max(oldest, 0.0), reference=reference)
        case "text" | "flag" if _are_categories(rule.type, seen):
            reference = Reference(seen.count, missing, counts=dict(seen.names.most_common()))
            names = tuple(seen.names) if rule.type == "text" else ()
            return _with(rule, categories=tuple(sorted(names)), reference=reference)
        case _:
            return rule


def _with(rule: FieldRule, **more: Any) -> FieldRule:
    return FieldRule(
        rule.path, rule.type, rule.required, missing_at_most=rule.missing_at_most, **more
    )


def _are_categories(its: Type, seen: _Seen) -> bool:
    few = len(seen.names) <= MOST_CATEGORIES
    return its == "flag" or (few and seen.count >= OFTEN * len(seen.names))


def widen_range(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the range with some room, rounded outwards. It crosses neither 0 nor, of shares, 1."""
    least, most = min(numbers), max(numbers)
    room = ROOM * (most - least) or ROOM * abs(most)
    low, high = _round(least - room, math.floor), _round(most + room, math.ceil)
    if least >= 0:
        low = max(low, 0.0)
    if most <= 0:
        high = min(high, 0.0)
    if least >= 0 and most <= 1 and any(number != int(number) for number in numbers):
        high = min(high, 1.0)
    return float(low), float(high)


def _round(number: float, towards: Any) -> float:
    if not number or not math.isfinite(number):
        return number
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - DIGITS + 1)
    return float(f"{towards(number / unit) * unit:.{DIGITS}g}")


def widest_share(count: int, of: int) -> float:
    """Return up to which share the true one may be: Wilson's bound, 99 %, in whole per cent."""
    if not of:
        return 1.0
    z, share = 2.576, count / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return min(1.0, math.ceil(100 * (middle + spread) / (1 + z * z / of)) / 100)


def refer_to_numbers(numbers: Sequence[float], missing: int = 0) -> Reference:
    """Return the distribution of numbers by at most MOST_POINTS points."""
    ordered = sorted(numbers)
    counts = _count_up(ordered)
    if len(counts) <= MOST_POINTS:
        return Reference(len(ordered), missing, tuple(counts), tuple(counts.values()))
    last = len(ordered) - 1
    points = [ordered[round(last * at / (MOST_POINTS - 1))] for at in range(MOST_POINTS)]
    chosen = list(dict.fromkeys(points))
    at_most = tuple(counts[point] for point in chosen)
    return Reference(len(ordered), missing, tuple(chosen), at_most, exact=False)


def _count_up(ordered: Sequence[float]) -> Mapping[float, int]:
    """Return how many are no greater than each value."""
    return {value: number for number, value in enumerate(ordered, 1)}
