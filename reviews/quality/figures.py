"""What the quality page shows, counted by SQL. Each function says how many queries it makes.

Figures about the model count the cases that a run waited for and the samples of automatic
decisions; second reviews and known answers repeat cases and would count them twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import (
    Avg,
    Count,
    DateField,
    Exists,
    F,
    FloatField,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)
from django.db.models.functions import Cast, Floor

from reviews.models import Queue
from reviews.models.quality import CheckKind, CheckState, DecisionFact, QualityCheck
from reviews.quality.statistics import (
    Agreement,
    Band,
    Interval,
    Shift,
    brier_score,
    cohen_kappa,
    expected_calibration_error,
    fleiss_kappa,
    population_stability,
    smirnov,
    wilson,
)
from reviews.selectors.lists import within
from workbench.accounts.models import User
from workbench.accounts.permissions import reach

BANDS = 10
# Fine enough for Smirnov's distance, coarse enough to be few rows.
BUCKETS = 100
ABOUT_THE_MODEL = ("", CheckKind.SAMPLE)
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """What the page is narrowed to; "" and None are all. Days are whole days, in UTC."""

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
    """The figures of one flow, reviewer or week. ``overrides``: of the decisions with a suggestion.

    ``active_seconds`` is the mean; ``second`` and ``known`` are how often checks agreed.
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
class Calibration:
    bands: Sequence[Band]
    error: float | None
    brier: float | None

    @property
    def count(self) -> int:
        return sum(band.count for band in self.bands)


@dataclass(frozen=True, slots=True)
class Checks:
    """How checks turned out. ``pairs`` counts (expected, decided) of one kind."""

    sample: Share
    second: Share
    known: Share
    second_agreement: Agreement | None
    sample_pairs: Mapping[tuple[str, str], int]
    many: Agreement | None
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


def get_figures(principal: Any, wanted: Filter, *, people: bool) -> Figures:
    """Return everything on the page: 9 queries, 11 with ``people``, whatever the number of rows."""
    facts = facts_within(principal, wanted)
    model_facts = facts.filter(check_kind__in=ABOUT_THE_MODEL)
    checks = checks_within(principal, wanted)
    total = _totals(facts)
    pairs = _pairs(model_facts)
    buckets = _buckets(model_facts)
    return Figures(
        decisions=total["decisions"],
        overrides=Share(total["overridden"], total["suggested"]),
        corrected=Share(total["corrected"], total["decisions"]),
        revised=Share(total["revised"], total["independent"]),
        median_seconds=_median_seconds(facts),
        agreement=cohen_kappa(pairs),
        pairs=pairs,
        calibration=_calibration(buckets),
        versions=_versions(buckets),
        weeks=_rows(model_facts.annotate(key=MondayOf("at")), "key"),
        flows=_rows(facts, "flow"),
        checks=_checks(checks),
        reviewers=_reviewers(facts, checks) if people else (),
    )


def facts_within(principal: Any, wanted: Filter) -> QuerySet[DecisionFact]:
    facts = DecisionFact.objects.filter(
        within(reach(principal, "insights.view"), queue="queue__name", flow="flow")
    )
    conditions = {
        "flow": wanted.flow,
        "queue__name": wanted.queue,
        "reviewer__username": wanted.reviewer,
        "model_version": wanted.version,
        "at__gte": wanted.starts_at,
        "at__lt": wanted.ends_at,
    }
    return facts.filter(**{name: value for name, value in conditions.items() if value})


def checks_within(principal: Any, wanted: Filter) -> QuerySet[QualityCheck]:
    """Return settled checks; a model's version does not narrow them."""
    checks = QualityCheck.objects.filter(
        within(reach(principal, "insights.view"), queue="case__queue__name", flow="case__flow"),
        state=CheckState.SETTLED,
    )
    conditions = {
        "case__flow": wanted.flow,
        "case__queue__name": wanted.queue,
        "decided_by__username": wanted.reviewer,
        "settled_at__gte": wanted.starts_at,
        "settled_at__lt": wanted.ends_at,
    }
    return checks.filter(**{name: value for name, value in conditions.items() if value})


def _totals(facts: QuerySet[DecisionFact]) -> dict[str, int]:
    model = Q(check_kind__in=ABOUT_THE_MODEL)
    independent = ~Q(first_outcome="")
    return facts.aggregate(
        decisions=Count("pk"),
        suggested=Count("pk", filter=model & Q(agreed__isnull=False)),
        overridden=Count("pk", filter=model & Q(agreed=False)),
        corrected=Count("pk", filter=Q(corrected__gt=0)),
        independent=Count("pk", filter=independent),
        revised=Count("pk", filter=independent & ~Q(first_outcome=F("outcome"))),
    )


def _median_seconds(facts: QuerySet[DecisionFact]) -> float | None:
    """Return the median time with the case in front, from how often each second occurs."""
    rows = facts.filter(active_seconds__gt=0).values("active_seconds").annotate(times=Count("pk"))
    times = sorted((row["active_seconds"], row["times"]) for row in rows)
    return weighted_median(times)


def weighted_median(times: Sequence[tuple[float, int]]) -> float | None:
    """Return the median of ordered values that occur so many times: (n+1)/2-th, or a mean."""
    count = sum(number for _, number in times)
    if not count:
        return None
    lower, upper = (count - 1) // 2, count // 2
    found, passed = [], 0
    for value, number in times:
        found += [value for place in {lower, upper} if passed <= place < passed + number]
        passed += number
    return sum(found) / len(found)


def _pairs(facts: QuerySet[DecisionFact]) -> dict[tuple[str, str], int]:
    rows = facts.exclude(suggestion="").values("suggestion", "outcome").annotate(n=Count("pk"))
    return {(row["suggestion"], row["outcome"]): row["n"] for row in rows}


# --- Confidence -------------------------------------------------------------------


def _buckets(facts: QuerySet[DecisionFact]) -> list[dict[str, Any]]:
    """Return counts by model, version, hundredth of confidence and agreement: one query.

    ``c`` and ``cc`` are the sums of the confidences and of their squares, so that every figure
    about confidence is exact although only counts were read.
    """
    bucket = Floor(Cast(F("confidence") * BUCKETS, FloatField()))
    rows = (
        facts.filter(confidence__isnull=False, agreed__isnull=False)
        .values("model", "model_version", "agreed", bucket=bucket)
        .annotate(
            n=Count("pk"),
            c=Sum("confidence"),
            cc=Sum(F("confidence") * F("confidence")),
            first_at=Min("at"),
        )
        .order_by()
    )
    return [{**row, "bucket": min(int(row["bucket"]), BUCKETS - 1)} for row in rows]


def _calibration(buckets: Sequence[Mapping[str, Any]]) -> Calibration:
    """Judge the stated confidence by how often the reviewer came to what the model suggested."""
    bands: dict[int, list[float]] = defaultdict(lambda: [0, 0.0, 0])
    squares = 0.0
    for row in buckets:
        band = bands[row["bucket"] * BANDS // BUCKETS]
        hits = row["n"] if row["agreed"] else 0
        band[0] += row["n"]
        band[1] += row["c"]
        band[2] += hits
        squares += row["cc"] - 2 * (row["c"] if row["agreed"] else 0) + hits
    found = [
        Band(number / BANDS, (number + 1) / BANDS, int(count), total / count, int(hits))
        for number, (count, total, hits) in sorted(bands.items())
    ]
    count = sum(band.count for band in found)
    return Calibration(found, expected_calibration_error(found), brier_score(squares, count))


def _versions(buckets: Sequence[Mapping[str, Any]]) -> list[Version]:
    """Return the versions of each model, by when they were first asked."""
    by_version: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in buckets:
        by_version[row["model"], row["model_version"]].append(row)
    found = [_version(*name, rows) for name, rows in by_version.items() if name[0]]
    found.sort(key=lambda each: (each.model, each.first_at))
    previous: dict[str, Version] = {}
    compared = []
    for each in found:
        shift = _shift(previous[each.model], each) if each.model in previous else None
        previous[each.model] = each
        compared.append(replace(each, shift=shift))
    return compared


def _version(model: str, version: str, rows: Sequence[Mapping[str, Any]]) -> Version:
    histogram = [0] * BUCKETS
    for row in rows:
        histogram[row["bucket"]] += row["n"]
    count = sum(histogram)
    overridden = sum(row["n"] for row in rows if not row["agreed"])
    return Version(
        model,
        version,
        count,
        Share(overridden, count),
        sum(row["c"] for row in rows) / count,
        tuple(histogram),
        min(row["first_at"] for row in rows),
    )


def _shift(before: Version, after: Version) -> Shift | None:
    psi = population_stability(in_bands(before.histogram), in_bands(after.histogram))
    distance = smirnov(before.histogram, after.histogram)
    if psi is None or distance is None:
        return None
    return Shift(psi, distance[0], distance[1], before.decisions, after.decisions)


def in_bands(histogram: Sequence[int]) -> list[int]:
    width = BUCKETS // BANDS
    return [sum(histogram[start : start + width]) for start in range(0, BUCKETS, width)]


# --- Groups -----------------------------------------------------------------------


class MondayOf(Func):
    """The day on which an instant's week begins, in UTC as all days here.

    Django's TruncWeek calls back into Python for each row of SQLite: of 100,000 decisions, more
    than all other figures take together.
    """

    output_field = DateField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "date(%(expressions)s, 'weekday 0', '-6 days')"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "date_trunc('week', %(expressions)s AT TIME ZONE 'UTC')::date"
        return self.as_sql(compiler, connection, template=template, **context)


def _rows(facts: QuerySet[DecisionFact], key: str) -> list[Row]:
    return [_row(row[key], str(row[key]), row) for row in _grouped(facts, key)]


def _grouped(facts: QuerySet[DecisionFact], *keys: str) -> list[dict[str, Any]]:
    model = Q(check_kind__in=ABOUT_THE_MODEL)
    rows = facts.values(*keys).annotate(
        decisions=Count("pk"),
        suggested=Count("pk", filter=model & Q(agreed__isnull=False)),
        overridden=Count("pk", filter=model & Q(agreed=False)),
        corrected_ones=Count("pk", filter=Q(corrected__gt=0)),
        seconds=Avg("active_seconds", filter=Q(active_seconds__gt=0)),
    )
    return list(rows.order_by(keys[0]))


def _row(key: Any, label: str, row: Mapping[str, Any], **more: Share) -> Row:
    return Row(
        key=key,
        label=label,
        decisions=row["decisions"],
        overrides=Share(row["overridden"], row["suggested"]),
        corrected=Share(row["corrected_ones"], row["decisions"]),
        active_seconds=row["seconds"],
        **more,
    )


def _reviewers(facts: QuerySet[DecisionFact], checks: QuerySet[QualityCheck]) -> list[Row]:
    """Return the figures by person, the busiest first: two queries."""
    scores: dict[str, dict[str, Share]] = defaultdict(dict)
    groups = checks.values("decided_by__username", "kind").annotate(
        n=Count("pk"), hits=Count("pk", filter=Q(agreed=True))
    )
    for group in groups:
        scores[group["decided_by__username"]][group["kind"]] = Share(group["hits"], group["n"])
    names = ("reviewer__username", "reviewer__display_name")
    found = []
    for row in _grouped(facts, *names):
        name = row[names[0]]
        found.append(
            _row(
                name,
                row[names[1]] or name,
                row,
                second=scores[name].get(CheckKind.SECOND, Share(0, 0)),
                known=scores[name].get(CheckKind.KNOWN, Share(0, 0)),
            )
        )
    return sorted(found, key=lambda each: -each.decisions)


# --- Checks -----------------------------------------------------------------------


def _checks(checks: QuerySet[QualityCheck]) -> Checks:
    """Return how checks turned out: three queries."""
    pairs: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for row in checks.values("kind", "expected", "outcome").annotate(n=Count("pk")).order_by():
        pairs[row["kind"]][row["expected"], row["outcome"]] = row["n"]
    return Checks(
        sample=_agreed(pairs[CheckKind.SAMPLE]),
        second=_agreed(pairs[CheckKind.SECOND]),
        known=_agreed(pairs[CheckKind.KNOWN]),
        second_agreement=cohen_kappa(pairs[CheckKind.SECOND]),
        sample_pairs=pairs[CheckKind.SAMPLE],
        many=_many_raters(checks),
        unseen=checks.filter(agreed=False, looked_at=None).count(),
    )


def _agreed(pairs: Mapping[tuple[str, str], int]) -> Share:
    hits = sum(n for (expected, outcome), n in pairs.items() if expected == outcome)
    return Share(hits, sum(pairs.values()))


def _many_raters(checks: QuerySet[QualityCheck]) -> Agreement | None:
    """Return Fleiss' kappa of those who had the same known answers.

    It needs as many ratings of each subject: the number that most subjects have is taken, and
    subjects with another number are left out.
    """
    table: dict[int, dict[str, int]] = defaultdict(dict)
    rows = checks.filter(kind=CheckKind.KNOWN).values("known", "outcome").annotate(n=Count("pk"))
    for row in rows.order_by():
        table[row["known"]][row["outcome"]] = row["n"]
    by_size: dict[int, list[dict[str, int]]] = defaultdict(list)
    for subject in table.values():
        by_size[sum(subject.values())].append(subject)
    usable = {size: rows for size, rows in by_size.items() if size > 1}
    return fleiss_kappa(max(usable.values(), key=len)) if usable else None


# --- What the filter offers -------------------------------------------------------


def filter_choices(principal: Any, *, people: bool) -> dict[str, list[str]]:
    """Return what there is to filter by: three queries, four with ``people``."""
    facts = facts_within(principal, Filter())
    found = {
        "flow": _distinct(facts, "flow"),
        "queue": _named_in(
            Queue.objects.order_by("name"), facts.filter(queue=OuterRef("pk")), "name"
        ),
        "version": _distinct(facts, "model_version"),
    }
    if people:
        persons = User.objects.order_by("username")
        found["reviewer"] = _named_in(persons, facts.filter(reviewer=OuterRef("pk")), "username")
    return found


def _distinct(facts: QuerySet[DecisionFact], name: str) -> list[str]:
    values = facts.order_by(name).values_list(name, flat=True).distinct()[:MOST_CHOICES]
    return [value for value in values if value]


def _named_in(rows: QuerySet[Any], facts: QuerySet[DecisionFact], name: str) -> list[str]:
    """Return the names of rows that have a fact: an index probe for each, not a scan of all."""
    return list(rows.filter(Exists(facts)).values_list(name, flat=True)[:MOST_CHOICES])
