"""Count the cases of queues by how they stand."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q

from reviews.models import ACTIVE_STATES, OPEN_ENDED, Case, Queue
from reviews.models.states import CLAIMABLE, CaseState
from reviews.selectors.lists import limit_to_reach, list_queues
from workbench.accounts.models import User
from workbench.accounts.permissions import Reach, reach

COUNTED = ("open", "claimed", "waiting", "overdue", "due_soon")
# What took longer to count than this is kept for KEPT_FACTOR times as long as it took: each nudge
# makes every open page ask, and the figures of a queue of 100,000 cases are not free.
COSTLY_SECONDS = 0.05
KEPT_FACTOR = 10
KEPT_MOST = 256

Figures = dict[int, dict[str, Any]]
Key = tuple[frozenset[int], Reach]

_lock = threading.Lock()
_kept: dict[Key, tuple[float, Figures]] = {}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue with its load. ``overdue`` and ``due_soon`` are among the open and the claimed."""

    queue: Queue
    open: int
    claimed: int
    waiting: int
    overdue: int
    due_soon: int
    mine: int
    oldest_at: datetime | None


def list_queue_rows(
    principal: Any, user: User, now: datetime, queues: Sequence[Queue] | None = None
) -> list[QueueRow]:
    """Return the visible queues, or some of them, with their load: two queries, three for all.

    The figures of very large queues may be some seconds old; see COSTLY_SECONDS.
    """
    found = reach(principal, "cases.view")
    queues = list_queues(principal) if queues is None else queues
    figures = _get_figures(found, queues, now)
    mine = dict(
        Case.objects.filter(
            OPEN_ENDED, limit_to_reach(found), claimed_by=user, state=CaseState.CLAIMED
        )
        .values_list("queue")
        .annotate(Count("pk"))
    )
    nothing: dict[str, Any] = {**dict.fromkeys(COUNTED, 0), "oldest_at": None}
    return [
        QueueRow(
            queue=queue,
            **{**nothing, **figures.get(queue.pk, {}), "mine": mine.get(queue.pk, 0)},
        )
        for queue in queues
    ]


def _get_figures(found: Reach, queues: Sequence[Queue], now: datetime) -> Figures:
    key = (frozenset(queue.pk for queue in queues), found)
    began = time.monotonic()
    with _lock:
        until, figures = _kept.get(key, (0.0, {}))
    if until > began:
        return figures
    figures = _count_cases(found, queues, now)
    took = time.monotonic() - began
    if took > COSTLY_SECONDS:
        with _lock:
            if len(_kept) >= KEPT_MOST:
                _kept.clear()
            _kept[key] = (began + took * (1 + KEPT_FACTOR), figures)
    return figures


def _count_cases(found: Reach, queues: Sequence[Queue], now: datetime) -> Figures:
    """Return the figures by queue, from columns that one index holds, so that no row is read."""
    claimable = Q(state__in=CLAIMABLE)
    pressing = claimable | Q(state=CaseState.CLAIMED)
    rows: Iterable[Mapping[str, Any]] = (
        Case.objects.filter(
            limit_to_reach(found), OPEN_ENDED, state__in=ACTIVE_STATES, queue__in=queues
        )
        .values("queue")
        .annotate(
            open=Count("state", filter=claimable),
            claimed=Count("state", filter=Q(state__in=[CaseState.CLAIMED, CaseState.COMMITTING])),
            waiting=Count("state", filter=Q(state=CaseState.WAITING_FOR_INFO)),
            overdue=Count("state", filter=pressing & Q(due_at__lte=now)),
            due_soon=Count("state", filter=pressing & Q(due_at__gt=now, warn_at__lte=now)),
            oldest_at=Min("opened_at", filter=claimable),
        )
    )
    return {row["queue"]: {name: row[name] for name in (*COUNTED, "oldest_at")} for row in rows}
