"""Reads of a person's notices."""

from typing import Any

from django.db.models import Q, QuerySet

from reviews.models import Queue
from reviews.models.notices import Destination, Notice
from reviews.selectors.lists import limit_to_reach
from workbench.accounts.permissions import PERMISSIONS, Reach, reach

PAGE_SIZE = 50
# The bell shows "99+" from here on.
COUNT_CAP = 100


def list_destinations(found: Reach) -> list[Destination]:
    """Return the destinations within the reach of `queues.manage`: one query.

    One that hears every queue is only within a reach that is everywhere.
    """
    rows = Destination.objects.select_related("queue").order_by("title")
    return [row for row in rows if is_within(row.queue, found)]


def is_within(queue: Queue | None, found: Reach) -> bool:
    """Return whether the reach includes what the queue tells; None stands for all queues."""
    return found.everywhere if queue is None else found.covers(None, queue.name)


def list_notices(principal: Any, before: int | None = None) -> list[Notice]:
    """Return a page of the person's notices, newest first, and one more if there is: one query.

    Only what may still be seen: a case moves, and a role is taken away.
    """
    found = _list_seen(principal).select_related("case", "case__queue")
    if before is not None:
        found = found.filter(pk__lt=before)
    columns = ("case__shown", "case__rules", "case__fields", "case__sla")
    return list(found.defer(*columns).order_by("-pk")[: PAGE_SIZE + 1])


def count_unread(principal: Any) -> int:
    """Return the number of unread notices, COUNT_CAP at most: one query."""
    return _list_seen(principal).filter(read_at=None)[:COUNT_CAP].count()


def _list_seen(principal: Any) -> QuerySet[Notice]:
    of_cases = limit_to_reach(
        reach(principal, "cases.view"), queue="case__queue__name", flow="case__flow"
    )
    held = [name for name in PERMISSIONS if reach(principal, name).everywhere]
    of_none = Q(case=None, permission__in=held)
    seen = (Q(case__isnull=False) & of_cases) | of_none
    return Notice.objects.filter(seen, person=getattr(principal, "user", principal))
