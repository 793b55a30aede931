"""Queues, cases and decisions over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from reviews import errors
from reviews.api.finding import (
    BIGGEST_ID,
    Id,
    acting_of,
    acting_on,
    acting_on_free,
    case_seen,
    person_named,
    queue_named,
)
from reviews.errors import FirstChoiceMissing
from reviews.models import Case, Decision
from reviews.rules.filters import CaseFilters
from reviews.selectors.acting import Acting
from reviews.selectors.cases import band_of, decisions_of
from reviews.selectors.lists import list_cases
from reviews.selectors.queues import QueueRow, queue_rows
from reviews.selectors.veil import veil_of
from reviews.services.claims import claim_case, claim_next
from reviews.services.leases import heartbeat, release_case
from reviews.services.passing import assign_case
from workbench.accounts.permissions import principal_of, requires
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import MOST_ROWS, Page, Strict, decode_cursor, encode_cursor
from workbench.http.sign_in import person_of

Json = Any
router = Router(tags=["review"])

Which = Literal["open", "mine", "claimed", "waiting", "decided", "closed", "all"]
Band = Literal["", "overdue", "due_soon", "on_time", "paused"]
REMEDIES: dict[type[errors.ReviewError], str] = {
    errors.MoveNotAllowed: "Read the case to see its state.",
    errors.CaseStale: "Read the case, then send the revision it has now.",
    errors.CaseAlreadyDecided: "Read the case for its decision; take the next one.",
    errors.CaseClosed: "Take the next case.",
    errors.CaseHeldByOther: "Take the next case, or have a team lead reassign this one.",
    errors.LeaseExpired: "Claim the case again, then repeat the request.",
    errors.NotAuthorised: "Have someone decide who may, or escalate the case.",
    errors.UndoTooLate: "A committed decision stands.",
    errors.WorkLimitReached: "Decide or release a case that is held.",
    errors.PersonAway: "Name someone who is there, or have a cover planned.",
    errors.PersonUnfit: "Name someone who may decide the case.",
    FirstChoiceMissing: "Send the outcome to /first-choice, look at the answer, then decide.",
}
for _error, _remedy in REMEDIES.items():
    map_error(_error, status=_error.status, code=_error.code.replace("_", "-"), remedy=_remedy)


# --- Queues -----------------------------------------------------------------------


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


class CaseOut(Schema):
    id: int
    queue: str
    run: int
    flow: str
    title: str
    summary: str
    subject: str
    state: str
    revision: int = Field(description="Send it with a decision: an older one answers 409.")
    claimed_by: str | None
    lease_until: datetime | None
    escalation: int
    priority: int = Field(description="1 urgent, 2 high, 3 normal, 4 low.")
    value: float | None
    confidence: float | None
    due_at: datetime | None = Field(description="Null while the clock stands.")
    band: str = Field(description="on_time, due_soon, overdue, paused or closed.")
    outcome: str
    independent: bool = Field(
        description="Record a first choice before deciding; the model's answer comes after it."
    )
    opened_at: datetime
    closed_at: datetime | None


class DecisionOut(Schema):
    id: int
    case: int
    state: str = Field(description="pending within the commit window, then committed.")
    final: bool = Field(description="False: counted, and more approvals are needed.")
    kind: str
    outcome: str
    reasons: list[str]
    grounds: dict[str, str] = Field(description="By reason, the key or id that it rests on.")
    comment: str
    overrides: list[dict[str, Any]]
    form: dict[str, Any]
    decided_by: str | None
    at: datetime
    commit_at: datetime
    digest: str = Field(description="SHA-256 of the receipt's RFC 8785 form.")


class CaseDetailOut(CaseOut):
    flow_version: int
    step: str
    requested_by: str
    shown: dict[str, Any]
    rules: dict[str, Any]
    fields: dict[str, Any]
    decisions: list[DecisionOut]


class AssignIn(Strict):
    to: str = Field(description="Username.")


@router.get("/queues", response=Page[QueueOut], operation_id="list_queues")
@requires("cases.view")
def queues(request: HttpRequest) -> dict[str, Any]:
    """List the queues that one may see, with their load."""
    rows = queue_rows(principal_of(request), person_of(request), timezone.now())
    return {"items": [_queue_out(row) for row in rows], "next": None}


@router.post(
    "/queues/{name}/next", response={200: CaseDetailOut, 204: None}, operation_id="claim_next_case"
)
@requires("cases.decide", queue="name")
def take_next(request: HttpRequest, name: str) -> Status[Any]:
    """Claim the best case of the queue; 204 where none waits."""
    acting = acting_of(request)
    case = claim_next(queue=queue_named(request, name), acting=acting, now=timezone.now())
    return Status(200, detail(case, acting)) if case else Status(204, None)


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


# --- Cases ------------------------------------------------------------------------


@router.get("/cases", response=Page[CaseOut], operation_id="list_cases")
@requires("cases.view")
def cases(
    request: HttpRequest,
    queue: str = "",
    show: Which = "open",
    text: Annotated[str, Query(max_length=200)] = "",
    band: Band = "",
    priority: Annotated[int, Query(ge=0, le=4)] = 0,
    holder: Annotated[str, Query(max_length=150)] = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> dict[str, Any]:
    """List cases: open ones in the order in which they are given out, closed ones newest first.

    `text` is a number, a subject, or words of a title: of each 10,000 cases a page may be short or
    empty and still have a `next`.
    """
    page = list_cases(
        principal=principal_of(request),
        user=person_of(request),
        now=timezone.now(),
        queue=queue_named(request, queue) if queue else None,
        filters=CaseFilters(
            show=show,
            text=text.replace("\0", "").strip(),
            band=band,
            priority=priority,
            holder=holder.replace("\0", ""),
        ),
        cursor=_position(cursor),
        page_size=limit,
    )
    return {
        "items": [case_out(case) for case in page.cases],
        "next": encode_cursor(page.next_cursor) if page.next_cursor else None,
    }


def _position(cursor: str) -> str:
    """Raises: ApiProblem (422)."""
    if not cursor:
        return ""
    position = decode_cursor(cursor)
    parts = position.split("~") if isinstance(position, str) else []
    try:
        if len(parts) == 2 and float(parts[0]) and 0 < int(parts[1]) <= BIGGEST_ID:  # noqa: PLR2004
            return str(position)
    except ValueError:
        pass
    raise ApiProblem(
        422,
        "cursor-invalid",
        "The cursor is not one that this API gave.",
        "Start again without a cursor, and pass `next` of each page unchanged.",
    )


@router.get("/cases/{case_id}", response=CaseDetailOut, operation_id="get_case")
@requires("cases.view")
def case(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Return a case with what it shows, what it asks and what was decided."""
    return detail(case_seen(request, case_id), acting_of(request))


@router.post("/cases/{case_id}/claim", response=CaseDetailOut, operation_id="claim_case")
@requires("cases.decide")
def claim(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Claim a case, or renew one's claim."""
    acting = acting_on_free(request, case_id)
    return detail(claim_case(case_id=case_id, acting=acting, now=timezone.now()), acting)


@router.post("/cases/{case_id}/heartbeat", response=CaseOut, operation_id="keep_case")
@requires("cases.decide")
def keep(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Keep one's claim for another lease."""
    acting = acting_on(request, case_id)
    return case_out(heartbeat(case_id=case_id, acting=acting, now=timezone.now()))


@router.post("/cases/{case_id}/release", response=CaseOut, operation_id="release_case")
@requires("cases.decide")
def release(request: HttpRequest, case_id: Id) -> dict[str, Any]:
    """Give a case back to its queue."""
    acting = acting_on(request, case_id)
    return case_out(release_case(case_id=case_id, acting=acting, now=timezone.now()))


@router.post("/cases/{case_id}/assign", response=CaseOut, operation_id="assign_case")
@requires("cases.assign")
def assign(request: HttpRequest, case_id: Id, body: AssignIn) -> dict[str, Any]:
    """Give a case to a person, from whoever holds it."""
    acting = acting_on(request, case_id, "cases.assign")
    to = person_named(body.to)
    return case_out(assign_case(case_id=case_id, to=to, acting=acting, now=timezone.now()))


# --- Decisions --------------------------------------------------------------------


# --- What is shared ---------------------------------------------------------------


def case_out(case: Case) -> dict[str, Any]:
    names = (
        "id", "flow", "title", "summary", "subject", "state", "revision", "lease_until",
        "escalation", "priority", "value", "due_at", "outcome", "opened_at", "closed_at",
        "independent",
    )  # fmt: skip
    return {
        **{name: getattr(case, name) for name in names},
        "confidence": case.listed_confidence,
        "queue": case.queue.name,
        "run": case.run_id,
        "claimed_by": case.claimed_by.username if case.claimed_by else None,
        "band": band_of(case, timezone.now()),
    }


def detail(case: Case, acting: Acting) -> dict[str, Any]:
    case = veil_of(case, acting).over(case)
    names = ("flow_version", "step", "requested_by", "shown", "rules", "fields")
    return {
        **case_out(case),
        "confidence": case.confidence,
        **{name: getattr(case, name) for name in names},
        "decisions": [decision_out(decision) for decision in decisions_of(case)],
    }


def decision_out(decision: Decision) -> dict[str, Any]:
    names = (
        "id", "state", "final", "kind", "outcome", "reasons", "grounds", "comment", "overrides",
        "form", "at", "commit_at", "digest",
    )  # fmt: skip
    return {
        **{name: getattr(decision, name) for name in names},
        "case": decision.case_id,
        "decided_by": decision.decided_by.username if decision.decided_by else None,
    }
