"""The figures of the quality page.

Figures about the model count the cases that a run waited for and the samples of automatic
decisions; second reviews and known answers repeat cases and would count them twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from reviews.quality.statistics import Agreement, Band, Interval, Shift, wilson


@dataclass(frozen=True, slots=True)
class Filter:
    """What the figures are narrowed to; "" and None are all. Days are whole days in UTC."""

    flow: str = ""
    queue: str = ""
    reviewer: str = ""
    version: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def starts_at(self) -> datetime | None:
        return datetime.combine(self.since, time(), UTC) if self.since else None

    @property
    def ends_at(self) -> datetime | None:
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1) if self.until else None


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``count``, with Wilson's 95 % interval. ``rate`` is None without data."""

    hits: int
    count: int

    @property
    def rate(self) -> float | None:
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.hits, self.count)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one flow, reviewer or week.

    ``overrides`` is a share of the decisions with a suggestion, ``active_seconds`` is the mean,
    ``second`` and ``known`` are how often checks agreed.
    """

    key: Any
    label: str
    decisions: int
    overrides: Share
    corrected: Share
    active_seconds: float | None
    second: Share = Share(0, 0)
    known: Share = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model. ``shift`` compares its confidences with the version before it."""

    model: str
    version: str
    decisions: int
    overrides: Share
    confidence: float
    histogram: tuple[int, ...]
    first_at: datetime
    shift: Shift | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """How far people agree with a model of a routed step; ``role`` is ``used`` or ``shadow``.

    ``beside`` is the agreement with the model in use on the same cases as a shadow's.
    """

    model: str
    role: str
    agreed: Share
    beside: Share | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    bands: Sequence[Band]
    error: float | None
    brier: float | None

    @property
    def count(self) -> int:
        return sum(band.count for band in self.bands)


@dataclass(frozen=True, slots=True)
class Checks:
    """How checks turned out.

    ``sample_pairs`` counts (expected, decided) among samples of automatic decisions,
    ``known_agreement`` is that of all who were given the same known answers, ``unseen`` counts
    disagreements that nobody has looked at.
    """

    sample: Share
    second: Share
    known: Share
    second_agreement: Agreement | None
    sample_pairs: Mapping[tuple[str, str], int]
    known_agreement: Agreement | None
    unseen: int


@dataclass(frozen=True, slots=True)
class Figures:
    decisions: int
    overrides: Share
    corrected: Share
    revised: Share
    median_seconds: float | None
    agreement: Agreement | None
    pairs: Mapping[tuple[str, str], int]
    calibration: Calibration
    versions: Sequence[Version]
    weeks: Sequence[Row]
    flows: Sequence[Row]
    checks: Checks
    reviewers: Sequence[Row] = field(default_factory=tuple)
