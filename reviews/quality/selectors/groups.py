"""Figures by week, flow and reviewer."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db.models import Avg, Count, DateField, Func, Q, QuerySet

from reviews.models.quality import CheckKind, DecisionFact, QualityCheck
from reviews.quality.figures import Row, Share
from reviews.quality.selectors.scope import ABOUT_THE_MODEL


class MondayOf(Func):
    """The Monday of an instant's week, in UTC.

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


def group_by(facts: QuerySet[DecisionFact], key: str) -> list[Row]:
    """Return the figures by a field, such as the flow, in its order: one query."""
    return [_row(row[key], str(row[key]), row) for row in _count(facts, key)]


def _count(facts: QuerySet[DecisionFact], *keys: str) -> list[dict[str, Any]]:
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


def group_by_reviewer(facts: QuerySet[DecisionFact], checks: QuerySet[QualityCheck]) -> list[Row]:
    """Return the figures by person, the busiest first: two queries."""
    scores = _scores(checks)
    username, display_name = "reviewer__username", "reviewer__display_name"
    found = [
        _row(row[username], row[display_name] or row[username], row, **scores[row[username]])
        for row in _count(facts, username, display_name)
    ]
    return sorted(found, key=lambda each: -each.decisions)


def _scores(checks: QuerySet[QualityCheck]) -> dict[str, dict[str, Share]]:
    """Return how often checks agreed with each person, by kind of check: one query."""
    found: dict[str, dict[str, Share]] = defaultdict(dict)
    kinds = {CheckKind.SECOND: "second", CheckKind.KNOWN: "known"}
    groups = checks.filter(kind__in=kinds).values("decided_by__username", "kind")
    for group in groups.annotate(n=Count("pk"), hits=Count("pk", filter=Q(agreed=True))):
        share = Share(group["hits"], group["n"])
        found[group["decided_by__username"]][kinds[CheckKind(group["kind"])]] = share
    return found
