"""All figures of the quality page, counted by SQL."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from reviews.models.quality import DecisionFact
from reviews.quality.figures import Figures, Filter, Row, Share
from reviews.quality.selectors.checks import count_checks
from reviews.quality.selectors.confidence import calibrate, compare_versions, count_by_confidence
from reviews.quality.selectors.groups import MondayOf, group_by, group_by_reviewer
from reviews.quality.selectors.scope import ABOUT_THE_MODEL, checks_within, facts_within
from reviews.quality.statistics import cohen_kappa


def get_figures(principal: Any, wanted: Filter, *, people: bool) -> Figures:
    """Return all figures: 9 queries, 11 with ``people``, whatever the number of rows."""
    facts = facts_within(principal, wanted)
    model_facts = facts.filter(check_kind__in=ABOUT_THE_MODEL)
    checks = checks_within(principal, wanted)
    total = _totals(facts)
    pairs = _count_pairs(model_facts)
    buckets = count_by_confidence(model_facts)
    return Figures(
        decisions=total["decisions"],
        overrides=Share(total["overridden"], total["suggested"]),
        corrected=Share(total["corrected"], total["decisions"]),
        revised=Share(total["revised"], total["independent"]),
        median_seconds=_median_seconds(facts),
        agreement=cohen_kappa(pairs),
        pairs=pairs,
        calibration=calibrate(buckets),
        versions=compare_versions(buckets),
        weeks=group_by(model_facts.annotate(key=MondayOf("at")), "key"),
        flows=group_by(facts, "flow"),
        checks=count_checks(checks),
        reviewers=_group_people(principal, wanted) if people else (),
    )


def _group_people(principal: Any, wanted: Filter) -> Sequence[Row]:
    """Return the row of each reviewer, from where the principal may see people's figures."""
    return group_by_reviewer(
        facts_within(principal, wanted, "insights.people"),
        checks_within(principal, wanted, "insights.people"),
    )


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
    """Return the median of the active seconds, from how often each number occurs: one query."""
    rows = facts.filter(active_seconds__gt=0).values("active_seconds").annotate(times=Count("pk"))
    times = sorted((row["active_seconds"], row["times"]) for row in rows)
    return weighted_median(times)


def weighted_median(times: Sequence[tuple[float, int]]) -> float | None:
    """Return the median of values in order, each with how often it occurs."""
    count = sum(number for _, number in times)
    if not count:
        return None
    lower, upper = (count - 1) // 2, count // 2
    found, passed = [], 0
    for value, number in times:
        found += [value for place in {lower, upper} if passed <= place < passed + number]
        passed += number
    return sum(found) / len(found)


def _count_pairs(facts: QuerySet[DecisionFact]) -> dict[tuple[str, str], int]:
    """Return how often each (suggestion, outcome) occurs: one query."""
    rows = facts.exclude(suggestion="").values("suggestion", "outcome").annotate(n=Count("pk"))
    return {(row["suggestion"], row["outcome"]): row["n"] for row in rows}
