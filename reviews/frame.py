"""What reviews add to pages that are not theirs: panels of the home page, the face of a wait."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone

from flows.models import Wait
from flows.selectors.waits import WaitDescription, register_wait_describer
from reviews.models import Case, Queue
from reviews.rules.filters import CaseFilters
from reviews.selectors.cases import next_act_words
from reviews.selectors.lists import list_cases, list_queues
from reviews.selectors.queues import queue_rows
from workbench.accounts.permissions import can
from workbench.shell.registry import register_home_panel

MOST_OF_MINE = 6


def register_frame() -> None:
    register_home_panel("reviews/_home_mine.html", home_mine, "cases.decide", order=5)
    register_home_panel("reviews/_home_queues.html", home_queues, "cases.view", order=10)
    register_wait_describer("case", case_faces)


def home_mine(request: Any) -> dict[str, Any] | None:
    """Return the person's cases, what is due first at the top, and where to take the next.

    None where there is no queue for them.
    """
    now = timezone.now()
    queues = list_queues(request.user)
    if not queues:
        return None
    filters = CaseFilters(show="mine")
    page = list_cases(
        principal=request.user, user=request.user, filters=filters, now=now, page_size=MOST_OF_MINE
    )
    rows = queue_rows(request.user, request.user, now, queues)
    takeable = [row for row in rows if row.open and _may_decide(request.user, row.queue)]
    return {"cases": page.cases, "takeable": takeable, "now": now, "live": _groups(queues)}


def _may_decide(user: Any, queue: Queue) -> bool:
    return can(user, "cases.decide", queue=queue.name)


def _groups(queues: Sequence[Queue]) -> list[str]:
    return [f"queue.{queue.name}" for queue in queues]


def home_queues(request: Any) -> dict[str, Any] | None:
    """Return the queues with something to do; None where nothing waits."""
    rows = queue_rows(request.user, request.user, timezone.now())
    waiting = [row for row in rows if row.open or row.claimed or row.waiting]
    return {"rows": waiting, "live": _groups([row.queue for row in rows])} if waiting else None


def case_faces(waits: Sequence[Wait]) -> Mapping[int, WaitDescription]:
    """Tell for whom each run waits and what happens if nobody acts: one query."""
    cases = Case.objects.select_related("queue", "claimed_by").filter(
        wait_id__in=[wait.pk for wait in waits]
    )
    faces = {case.wait_id: _face(case) for case in cases}
    return {wait.pk: faces.get(wait.pk) or _without_case(wait) for wait in waits}


def _without_case(wait: Wait) -> WaitDescription:
    """The case is gone, or belongs to another installation: the wait itself names the queue."""
    return WaitDescription(f"a person in queue {wait.detail.get('queue', '?')}")


def _face(case: Case) -> WaitDescription:
    holder = case.claimed_by
    whom = f"{holder.label}, who has the case" if holder else f"a person in {case.queue.title}"
    act = next_act_words(case)
    return WaitDescription(
        whom,
        url=reverse("reviews:case", args=[case.pk]),
        link=f"Case {case.pk}",
        next_at=act["at"] if act else None,
        next_text=act["words"] if act else "",
    )
