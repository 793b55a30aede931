"""A contract: what is expected of each field of a step's output, and what it was learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.contracts.leaves import Type

Json = Any
# From which PSI, and which distance of the distributions (KS), a field counts as drifted.
DRIFT_PSI, DRIFT_KS = 0.2, 0.15
# On fewer values nothing is said of their distribution.
FEWEST_VALUES = 50
# So many days at once are compared, where one has too few outputs.
WINDOWS = (1, 7, 28)


@dataclass(frozen=True, slots=True)
class Reference:
    """The values that a field had when its contract was learned.

    Of numbers: rising ``points``, and in ``at_most`` how many values were no greater than each.
    ``exact`` says that every value is a point. Of categories: ``counts``. ``count`` is without the
    ``missing`` ones.
    """

    count: int
    missing: int = 0
    points: tuple[float, ...] = ()
    at_most: tuple[int, ...] = ()
    exact: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {"count": self.count, "missing": self.missing}
        if self.points:
            found |= {"points": list(self.points), "at_most": list(self.at_most)}
            found["exact"] = self.exact
        if self.counts:
            found["counts"] = dict(self.counts)
        return found


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What is expected of a field. What is None, empty or False is not looked at.

    ``missing_at_most`` is the share of a day's outputs. ``oldest_hours`` is the greatest age of a
    date-time when the step gives it. ``path`` is dotted; "" is the whole of an output that is no
    object.
    """

    path: str
    type: Type = "any"
    required: bool = False
    lowest: float | None = None
    highest: float | None = None
    categories: tuple[str, ...] = ()
    oldest_hours: float | None = None
    missing_at_most: float | None = None
    reference: Reference | None = None

    @property
    def label(self) -> str:
        return self.path or "output"

    def as_json(self) -> dict[str, Json]:
        """Return it as a contract's content has it, without what needs not be said."""
        found: dict[str, Json] = {"path": self.path, "type": self.type}
        if self.required:
            found["required"] = True
        for name in ("lowest", "highest"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.categories:
            found["categories"] = list(self.categories)
        for name in ("oldest_hours", "missing_at_most"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.reference is not None:
            found["reference"] = self.reference.as_json()
        return found


@dataclass(frozen=True, slots=True)
class Contract:
    """``label`` names it with its version (``scores@2``); ``flow`` and ``step`` say of what it is.

    A day is compared together with those before it: ``window_days`` in all.
    """

    label: str
    flow: str
    step: str
    fields: Sequence[FieldRule]
    psi_at_least: float = DRIFT_PSI
    ks_at_least: float = DRIFT_KS
    window_days: int = 1


def read_contract(label: str, content: Mapping[str, Json]) -> Contract:
    """Return the contract that a well-formed content holds."""
    drift = content.get("drift") or {}
    return Contract(
        label,
        content.get("flow", ""),
        content.get("step", ""),
        [read_rule(each) for each in content.get("fields", [])],
        drift.get("psi_at_least", DRIFT_PSI),
        drift.get("ks_at_least", DRIFT_KS),
        drift.get("window_days", 1),
    )


def read_rule(given: Mapping[str, Json]) -> FieldRule:
    reference = given.get("reference")
    return FieldRule(
        path=given["path"],
        type=given.get("type", "any"),
        required=given.get("required", False),
        lowest=given.get("lowest"),
        highest=given.get("highest"),
        categories=tuple(given.get("categories", ())),
        oldest_hours=given.get("oldest_hours"),
        missing_at_most=given.get("missing_at_most"),
        reference=_read_reference(reference) if reference else None,
    )


def _read_reference(given: Mapping[str, Json]) -> Reference:
    return Reference(
        given["count"],
        given.get("missing", 0),
        tuple(given.get("points", ())),
        tuple(given.get("at_most", ())),
        given.get("exact", True),
        dict(given.get("counts", {})),
    )
