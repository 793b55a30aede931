"""The decisions and checks that a page counts, and what they can be filtered by."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from reviews.models import Queue
from reviews.models.quality import CheckKind, CheckState, DecisionFact, QualityCheck
from reviews.quality.figures import Filter
from reviews.selectors.lists import limit_to_reach
from workbench.accounts.models import User
from workbench.accounts.permissions import reach

ABOUT_THE_MODEL = ("", CheckKind.SAMPLE)
MOST_CHOICES = 200


def facts_within(
    principal: Any, wanted: Filter, permission: str = "insights.view"
) -> QuerySet[DecisionFact]:
    """Return the decisions of the filter whose figures the principal may see.

    Of one reviewer, and with ``insights.people``, only those where they may see people's figures.
    """
    found = reach(principal, "insights.people" if wanted.reviewer else permission)
    facts = DecisionFact.objects.filter(limit_to_reach(found, queue="queue__name", flow="flow"))
    conditions = {
        "flow": wanted.flow,
        "queue__name": wanted.queue,
        "reviewer__username": wanted.reviewer,
        "model_version": wanted.version,
        "at__gte": wanted.starts_at,
        "at__lt": wanted.ends_at,
    }
    return facts.filter(**{name: value for name, value in conditions.items() if value})


def checks_within(
    principal: Any, wanted: Filter, permission: str = "insights.view"
) -> QuerySet[QualityCheck]:
    """Return the settled checks of the filter; a model's version does not narrow them."""
    found = reach(principal, "insights.people" if wanted.reviewer else permission)
    checks = QualityCheck.objects.filter(
        limit_to_reach(found, queue="case__queue__name", flow="case__flow"),
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


def filter_choices(principal: Any, *, people: bool) -> dict[str, list[str]]:
    """Return the values to choose from, by field of the filter: three queries, four with people."""
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
        theirs = facts_within(principal, Filter(), "insights.people")
        found["reviewer"] = _named_in(persons, theirs.filter(reviewer=OuterRef("pk")), "username")
    return found


def _distinct(facts: QuerySet[DecisionFact], name: str) -> list[str]:
    values = facts.order_by(name).values_list(name, flat=True).distinct()[:MOST_CHOICES]
    return [value for value in values if value]


def _named_in(rows: QuerySet[Any], facts: QuerySet[DecisionFact], name: str) -> list[str]:
    """Return the names of the rows that have a fact: an index probe for each, not a scan."""
    return list(rows.filter(Exists(facts)).values_list(name, flat=True)[:MOST_CHOICES])
