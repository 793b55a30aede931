"""A scorecard: a logistic regression over binned attributes, in plain Python.

It is read from a JSON file:

    {"name", "version", "output", "intercept", "factors": [
        {"feature", "label", "bins": [
            {"label", "points", "share", "values": [...]} or
            {"label", "points", "share", "over": number|null, "to": number|null}]}]}

``points`` are log-odds for the predicted class. A number belongs to the bin with over < number <=
to. ``share`` is the bin's share of the data that the scorecard was fitted on. The contribution of a
factor is its points less the average over that data: it says how a case differs from the average.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from flows.steps.base import Json
from flows.steps.models import InputRefused, Reason


@dataclass(frozen=True, slots=True)
class Bin:
    """Values of an attribute that get the same points."""

    label: str
    points: float
    share: float
    values: frozenset[str] | None = None
    over: float | None = None
    to: float | None = None

    def holds(self, value: float) -> bool:
        return (self.over is None or value > self.over) and (self.to is None or value <= self.to)


@dataclass(frozen=True, slots=True)
class Factor:
    """An attribute with its bins, which either all list values or are all ranges."""

    feature: str
    label: str
    bins: tuple[Bin, ...]

    @property
    def average_points(self) -> float:
        return sum(each.points * each.share for each in self.bins)

    @property
    def is_numeric(self) -> bool:
        return self.bins[0].values is None

    def find(self, value: Json) -> Bin:
        """Return the bin of a value. Raises: InputRefused, which says what is accepted."""
        if self.is_numeric:
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                raise InputRefused(self.feature, f"must be a number, not {value!r}")
            return next(each for each in self.bins if each.holds(value))
        name = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else value
        for each in self.bins:
            if isinstance(name, str) and name in (each.values or ()):
                return each
        known = ", ".join(sorted(name for each in self.bins for name in each.values or ()))
        raise InputRefused(self.feature, f"must be one of {known}, not {value!r}")

    def reason(self, value: Json, found: Bin) -> Reason:
        contribution = round(found.points - self.average_points, 4)
        return Reason(self.feature, self.label, value, contribution, found.label)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A local model. Its confidence is the probability of the likelier class."""

    name: str
    version: str
    digest: str
    output: str
    intercept: float
    factors: tuple[Factor, ...]

    @classmethod
    def load(cls, path: Path) -> "Scorecard":
        """Read a scorecard file. Raises: ValueError, if it is not one."""
        content = path.read_bytes()
        data = json.loads(content)
        try:
            return cls(
                name=data["name"],
                version=data["version"],
                digest=hashlib.sha256(content).hexdigest(),
                output=data["output"],
                intercept=float(data["intercept"]),
                factors=tuple(_read_factor(each) for each in data["factors"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a scorecard: {error!r}. Write it again by fitting it."
            ) from error

    def predict(
        self, values: Mapping[str, Json]
    ) -> tuple[Mapping[str, Json], float, Sequence[Reason]]:
        """Return ``{output: probability, "points": log-odds}``, the confidence, and the reasons.

        There is a reason for each factor, the strongest first. Attributes that are not factors are
        ignored. Raises: InputRefused.
        """
        log_odds = self.intercept
        reasons = []
        for factor in self.factors:
            if factor.feature not in values:
                raise InputRefused(factor.feature, "is missing")
            value = values[factor.feature]
            found = factor.find(value)
            log_odds += found.points
            reasons.append(factor.reason(value, found))
        probability = 1 / (1 + math.exp(-log_odds))
        reasons.sort(key=lambda reason: -abs(reason.contribution))
        output = {self.output: round(probability, 6), "points": round(log_odds, 6)}
        return output, round(max(probability, 1 - probability), 6), reasons


def _read_factor(data: Mapping[str, Any]) -> Factor:
    bins = tuple(
        Bin(
            label=each["label"],
            points=float(each["points"]),
            share=float(each["share"]),
            values=frozenset(each["values"]) if "values" in each else None,
            over=each.get("over"),
            to=each.get("to"),
        )
        for each in data["bins"]
    )
    _check_bins(data["feature"], bins)
    return Factor(data["feature"], data["label"], bins)


def _check_bins(feature: str, bins: Sequence[Bin]) -> None:
    """Raise ValueError unless each number has exactly one bin.

    A gap would otherwise come to light only when a case falls into it.
    """
    if not bins:
        raise ValueError(f"{feature} has no bins")
    if bins[0].values is not None:
        return
    edges = [bins[0].over, *(each.to for each in bins)]
    joined = all(left.to == right.over for left, right in pairwise(bins))
    if edges[0] is not None or edges[-1] is not None or None in edges[1:-1] or not joined:
        raise ValueError(
            f"the ranges of {feature} must follow one another and be open at both ends"
        )
