"""Reads about queues and cases. Each says how many queries it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from flows.models import Run
from flows.selectors import run_timeline
from flows.selectors.steps import StepRun
from reviews.acting import Acting, may_see
from reviews.models import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    Case,
    CaseDraft,
    CaseEvent,
    Comment,
    Decision,
    DecisionState,
    InformationRequest,
    Queue,
)
from reviews.quality.checks import run_as_seen
from reviews.quality.veil import not_hidden_from
from reviews.services.claims import first_in_line, takeable
from reviews.similar import nearest
from reviews.sla import band, plan_from
from reviews.states import ACTIVE, CLAIMABLE, CaseState
from workbench.accounts.models import User
from workbench.accounts.permissions import Reach, can, reach

PAGE_SIZE = 50
# A count stops here; the page then shows "1,000+".
COUNT_CAP = 1_000
SIMILAR_AMONG = 300
COUNTS = ("open", "claimed", "waiting", "overdue", "due_soon", "mine")
# More digits than an id can have.
MAX_DIGITS = 18
LIST_FIELDS = (
    "id", "queue", "title", "summary", "subject", "state", "revision", "claimed_by", "lease_until",
    "escalation", "priority", "value", "confidence", "independent", "rank", "warn_at", "due_at",
    "outcome", "opened_at", "closed_at", "flow", "run_id", "claimed_by__username",
    "claimed_by__display_name", "claimed_by__first_name", "claimed_by__last_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue with its load. Counts stop at COUNT_CAP + 1. ``bands``: how open cases stand."""

    queue: Queue
    open: int
    claimed: int
    waiting: int
    overdue: int
    due_soon: int
    mine: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class CasePage:
    cases: Sequence[Case]
    next_cursor: str = ""


def within(found: Reach, *, queue: str = "queue__name", flow: str = "flow") -> Q:
    """Return the condition that narrows cases to where a permission reaches."""
    if found.everywhere:
        return Q()
    narrowed = Q(pk__in=[])
    for a_flow, a_queue in found.scopes:
        part = Q(**{flow: a_flow}) if a_flow else Q()
        narrowed |= part & Q(**{queue: a_queue}) if a_queue else part
    return narrowed


def list_queues(principal: Any) -> list[Queue]:
    """Return the queues whose cases the principal may see: one query, two with rules by skill."""
    found = reach(principal, "cases.view")
    queues = Queue.objects.order_by("title")
    if not found.everywhere and all(queue for _, queue in found.scopes):
        queues = queues.filter(name__in=[queue for _, queue in found.scopes])
    return [queue for queue in queues if may_see(principal, queue)]


def queue_rows(principal: Any, user: User, now: datetime) -> list[QueueRow]:
    """Return the visible queues with their load: three queries."""
    found = reach(principal, "cases.view")
    queues = list_queues(principal)
    claimable = Q(state__in=CLAIMABLE)
    pressing = claimable | Q(state=CaseState.CLAIMED)
    counts = (
        Case.objects.filter(within(found), state__in=ACTIVE, queue__in=queues)
        .values("queue")
        .annotate(
            open=Count("pk", filter=claimable),
            claimed=Count("pk", filter=Q(state__in=[CaseState.CLAIMED, CaseState.COMMITTING])),
            waiting=Count("pk", filter=Q(state=CaseState.WAITING_FOR_INFO)),
            overdue=Count("pk", filter=pressing & Q(due_at__lte=now)),
            due_soon=Count("pk", filter=pressing & Q(due_at__gt=now, warn_at__lte=now)),
            mine=Count("pk", filter=Q(state=CaseState.CLAIMED, claimed_by=user)),
        )
    )
    oldest = _oldest(queues, found)
    by_queue: dict[int, dict[str, Any]] = {row["queue"]: {**row} for row in counts}
    return [
        QueueRow(
            queue=queue,
            oldest_at=oldest.get(queue.pk),
            **{name: by_queue[queue.pk][name] if queue.pk in by_queue else 0 for name in COUNTS},
        )
        for queue in queues
    ]


def _oldest(queues: Sequence[Queue], found: Reach) -> dict[int, datetime]:
    rows = (
        Case.objects.filter(within(found), queue__in=queues, state__in=CLAIMABLE)
        .values("queue")
        .annotate(oldest=Min("opened_at"))
    )
    return {row["queue"]: row["oldest"] for row in rows}


def list_cases(
    *,
    principal: Any,
    user: User,
    queue: Queue | None = None,
    which: str = "open",
    text: str = "",
    cursor: str = "",
    page_size: int = PAGE_SIZE,
) -> CasePage:
    """Return a page of cases without what they show: one query, one more without a queue.

    Open ones come in the order of the queue, closed ones newest first. A cursor that is not one
    of ours starts at the beginning.
    """
    cases = Case.objects.filter(within(reach(principal, "cases.view")), not_hidden_from(user))
    # One queue was found among those that the principal sees; of all, only those may show.
    cases = cases.filter(queue=queue) if queue else cases.filter(queue__in=list_queues(principal))
    cases = cases.filter(_which(which, user))
    if text:
        cases = cases.filter(_matches(text))
    closed = which in {"decided", "closed"}
    cases = _after(cases, cursor, closed=closed)
    order = ("-closed_at", "-id") if closed else ("rank", "id")
    rows = list(
        cases.select_related("claimed_by", "queue")
        .only(*LIST_FIELDS, "queue__name", "queue__title")
        .order_by(*order)[: page_size + 1]
    )
    more = len(rows) > page_size
    rows = rows[:page_size]
    return CasePage(rows, _cursor(rows[-1], closed=closed) if more else "")


def _which(which: str, user: User) -> Q:
    held = Q(state__in=[CaseState.CLAIMED, CaseState.COMMITTING])
    waiting = Q(state=CaseState.WAITING_FOR_INFO)
    conditions = {
        "mine": (held & Q(claimed_by=user)) | (waiting & Q(familiar=user)),
        "claimed": held,
        "waiting": waiting,
        "decided": Q(state=CaseState.DECIDED),
        "closed": ~Q(state__in=ACTIVE_STATES),
        "all": Q(state__in=ACTIVE_STATES),
    }
    return conditions.get(which, Q(state__in=CLAIMABLE_STATES))


def _matches(text: str) -> Q:
    found = Q(title__icontains=text) | Q(subject=text)
    if text.isdecimal() and len(text) <= MAX_DIGITS:
        found |= Q(pk=int(text)) | Q(run_id=int(text))
    return found


def _cursor(case: Case, *, closed: bool) -> str:
    place = case.closed_at.timestamp() if closed and case.closed_at else case.rank
    return f"{place!r}~{case.pk}"


def _after(cases: QuerySet[Case], cursor: str, *, closed: bool) -> QuerySet[Case]:
    place, _, pk = cursor.partition("~")
    try:
        number, last = float(place), int(pk)
    except ValueError:
        return cases
    if closed:
        at = datetime.fromtimestamp(number, UTC)
        return cases.filter(Q(closed_at__lt=at) | Q(closed_at=at, pk__lt=last))
    return cases.filter(Q(rank__gt=number) | Q(rank=number, pk__gt=last))


# --- One case ---------------------------------------------------------------------


def get_visible_case(case_id: int, principal: Any, permission: str = "cases.view") -> Case:
    """Return the case if the principal may see it: one query.

    Raises: Case.DoesNotExist, also where it may not be seen.
    """
    found = Case.objects.select_related("queue", "claimed_by", "familiar")
    case = found.filter(not_hidden_from(getattr(principal, "user", principal))).get(pk=case_id)
    allowed = can(principal, permission, flow=case.flow, queue=case.queue.name)
    if not allowed or not may_see(principal, case.queue):
        raise Case.DoesNotExist(case_id)
    return case


def my_work(acting: Acting, queue: Queue, now: datetime, limit: int = 12) -> dict[str, Any]:
    """Return what the person holds and what "next" would give them: four queries."""
    listed = Case.objects.select_related("queue", "claimed_by").only(
        *LIST_FIELDS, "queue__name", "queue__title"
    )
    held = listed.filter(claimed_by=acting.user, state=CaseState.CLAIMED).order_by("rank", "id")
    free = [
        part.select_related("queue", "claimed_by").only(*LIST_FIELDS, "queue__name", "queue__title")
        for part in takeable(queue, acting, now)
    ]
    return {"held": list(held[:limit]), "upcoming": first_in_line(free, limit)}


def draft_of(case: Case, user: User) -> CaseDraft | None:
    return CaseDraft.objects.filter(case=case, user=user).first()


def pending_decision_of(user: User, now: datetime) -> Decision | None:
    """Return the person's newest decision that can still be undone: one query."""
    return (
        Decision.objects.filter(state=DecisionState.PENDING, decided_by=user, commit_at__gt=now)
        .select_related("case")
        .defer("case__shown", "case__rules", "receipt")
        .order_by("-at")
        .first()
    )


def history_of(case: Case, limit: int = 200) -> list[CaseEvent]:
    return list(CaseEvent.objects.filter(case=case).order_by("-id")[:limit])


def comments_of(case: Case) -> list[Comment]:
    return list(Comment.objects.filter(case=case).select_related("author").order_by("id"))


def information_of(case: Case) -> list[InformationRequest]:
    return list(
        InformationRequest.objects.filter(case=case).select_related("asked_by").order_by("id")
    )


def decisions_of(case: Case) -> list[Decision]:
    """Return the standing decisions, oldest first: one query."""
    return list(
        Decision.objects.filter(case=case)
        .exclude(state=DecisionState.WITHDRAWN)
        .select_related("decided_by")
        .order_by("id")
    )


def earlier_cases(case: Case, limit: int = 5) -> list[Case]:
    """Return other cases of the same subject, newest first: one query at most.

    Checks are left out: they repeat another case. And what a check repeats would tell its answer.
    """
    if not case.subject:
        return []
    others = Case.objects.filter(flow=case.flow, subject=case.subject, wait_id__isnull=False)
    if case.wait_id is None:
        others = others.exclude(run_id=case.run_id)
    return list(
        others.exclude(pk=case.pk)
        .select_related("claimed_by", "queue")
        .only(*LIST_FIELDS, "queue__name", "queue__title")
        .order_by("-id")[:limit]
    )


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A decided case with how far it is from another: 0 the same, 1 as far apart as any."""

    id: int
    title: str
    outcome: str
    closed_at: datetime | None
    distance: float


def similar_cases(case: Case, limit: int = 4) -> list[SimilarCase]:
    """Return the decided cases of the same step nearest to this one, by its fields and its value.

    Looked for among the last SIMILAR_AMONG decisions: one query. See ``reviews.similar``.
    """
    if not case.fields:
        return []
    rows = list(
        Case.objects.filter(flow=case.flow, step=case.step, state=CaseState.DECIDED)
        .exclude(pk=case.pk)
        .order_by("-id")
        .values_list("pk", "title", "outcome", "closed_at", "fields", "value")[:SIMILAR_AMONG]
    )
    near = nearest(
        {**case.fields, "value of the case": case.value},
        [{**fields, "value of the case": value} for *_, fields, value in rows],
        limit,
    )
    return [SimilarCase(*rows[each.index][:4], each.distance) for each in near]


def run_so_far(case: Case) -> list[StepRun]:
    """Return the step runs of the case's run: five queries, six for a check."""
    run = Run.objects.select_related("flow", "version").filter(pk=case.run_id).first()
    return run_as_seen(case, run_timeline(run)) if run else []


def band_of(case: Case, now: datetime) -> str:
    if case.state not in ACTIVE:
        return "closed"
    return band(case.due_at, case.warn_at, now)


def next_act_words(case: Case) -> Mapping[str, Any] | None:
    """Return what happens if nobody acts, and when; None if nothing does."""
    if case.next_act_at is None or case.state not in ACTIVE:
        return None
    plan = plan_from(case.sla)
    act = plan.acts[case.acts_done]
    words = {
        "warn": "it is marked as due soon",
        "remind": "a reminder is sent" + (" to the team lead" if act.to == "lead" else ""),
        "escalate": "it is escalated",
        "breach": {
            "reassign": "it is overdue, becomes urgent and goes back to the queue",
            "raise_priority": "it is overdue and becomes urgent",
            "expire": "it expires and the run goes on without a decision",
        }[plan.breach],
    }[act.kind]
    return {"at": case.next_act_at, "words": words, "kind": act.kind}
