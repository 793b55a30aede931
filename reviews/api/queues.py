"""The queues over HTTP: list them, and take the next case of one."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status

from reviews.api.finding import get_acting
from reviews.api.schemas import CaseDetailOut, case_detail_out
from reviews.finding import find_queue
from reviews.selectors.queues import QueueRow, list_queue_rows
from reviews.services.claims import claim_next
from reviews.services.looks import note_serving
from workbench.accounts.gate import principal_of, requires
from workbench.http.schemas import Page
from workbench.http.sign_in import person_of

router = Router(tags=["review"])


class QueueOut(Schema):
    name: str
    title: str
    description: str
    open: int
    claimed: int
    waiting: int
    overdue: int
    due_soon: int
    mine: int
    oldest_at: datetime | None


@router.get("/queues", response=Page[QueueOut], operation_id="list_queues")
@requires("cases.view", scope="rows")
def queues(request: HttpRequest) -> dict[str, Any]:
    """List the queues that one may see, with their load."""
    rows = list_queue_rows(principal_of(request), person_of(request), timezone.now())
    return {"items": [_queue_out(row) for row in rows], "next": None}


@router.post(
    "/queues/{name}/next", response={200: CaseDetailOut, 204: None}, operation_id="claim_next_case"
)
@requires("cases.decide", scope="rows:name")
def take_next(request: HttpRequest, name: str) -> Status[Any]:
    """Claim the best case of the queue; 204 where none waits."""
    acting = get_acting(request)
    case = claim_next(queue=find_queue(request, name), acting=acting, now=timezone.now())
    if case is None:
        return Status(204, None)
    note_serving(case=case, user=acting.user, now=timezone.now())
    return Status(200, case_detail_out(case, acting))


def _queue_out(row: QueueRow) -> dict[str, Any]:
    queue = row.queue
    return {
        "name": queue.name,
        "title": queue.title,
        "description": queue.description,
        "open": row.open,
        "claimed": row.claimed,
        "waiting": row.waiting,
        "overdue": row.overdue,
        "due_soon": row.due_soon,
        "mine": row.mine,
        "oldest_at": row.oldest_at,
    }
