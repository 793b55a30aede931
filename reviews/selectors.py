"""Reads about queues and cases. Each says how many queries it makes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet

from flows.models import FlowVersion, Run
from flows.selectors import run_timeline
from flows.selectors.steps import StepRun
from reviews.acting import Acting, may_see
from reviews.models import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    OPEN_ENDED,
    Attachment,
    Case,
    CaseDraft,
    CaseEvent,
    Comment,
    Decision,
    DecisionState,
    InformationRequest,
    Queue,
)
from reviews.models.states import ACTIVE, CaseState
from reviews.quality.checks import run_as_seen
from reviews.quality.veil import not_hidden_from
from reviews.receipts import artifact_digest, documents_of
from reviews.rules.filters import CaseFilters
from reviews.rules.run_picture import Picture, picture_of
from reviews.rules.similar import nearest
from reviews.rules.sla import band, plan_from
from reviews.services.claims import Line, first_in_line
from reviews.titles import cases_titled, has_words, words_of
from workbench.accounts.models import RoleGrant, User
from workbench.accounts.permissions import PERMISSIONS, Reach, can, reach

PAGE_SIZE = 50
# How many titles one search looks at, at most.
SEARCHED = 10_000
# They are looked at in pieces, as many as this time allows.
PIECE, SEARCH_SECONDS = 250, 0.1
# More than anybody holds.
MINE_CAP = 1_000
SIMILAR_AMONG = 300
# Documents of the next case that a browser fetches while one works on this one.
AHEAD = 3
# More digits than an id can have.
MAX_DIGITS = 18
LIST_FIELDS = (
    "id", "queue", "title", "summary", "subject", "state", "revision", "claimed_by", "lease_until",
    "escalation", "priority", "value", "confidence", "independent", "rank", "warn_at", "due_at",
    "outcome", "opened_at", "closed_at", "flow", "run_id", "claimed_by__username",
    "claimed_by__display_name", "claimed_by__first_name", "claimed_by__last_name",
)  # fmt: skip


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


def list_cases(
    *,
    principal: Any,
    user: User,
    now: datetime,
    queue: Queue | None = None,
    filters: CaseFilters = CaseFilters(),
    cursor: str = "",
    page_size: int = PAGE_SIZE,
    look_at: int = SEARCHED,
) -> CasePage:
    """Return a page of cases without what they show: one query, one more without a queue.

    Open ones come in the order of the queue, closed ones newest first. A search has two queries
    more, three at most. Words that are common are looked for in the next ``look_at`` cases of that
    order only, so that no search takes long; a page may then hold few or none and still have a next
    one. A cursor that is not one of ours starts at the beginning.
    """
    cases = Case.objects.filter(within(reach(principal, "cases.view")), not_hidden_from(user))
    # One queue was found among those that the principal sees; of all, only those may show.
    cases = cases.filter(queue=queue) if queue else cases.filter(queue__in=list_queues(principal))
    cases = cases.filter(closed_at__isnull=not filters.closed)
    cases = cases.filter(_shown_by(filters, user, now))
    cases = _after(cases, cursor, closed=filters.closed)
    order = ("-closed_at", "-id") if filters.closed else ("rank", "id")
    listed = (
        cases.select_related("claimed_by", "queue")
        .only(*LIST_FIELDS, "queue__name", "queue__title")
        .order_by(*order)
    )
    if filters.text:
        return _search(listed, filters, page_size, look_at)
    return _page(listed, filters, page_size)


def _page(listed: QuerySet[Case], filters: CaseFilters, page_size: int) -> CasePage:
    rows = list(listed[: page_size + 1])
    more = len(rows) > page_size
    rows = rows[:page_size]
    return CasePage(rows, _cursor(rows[-1], closed=filters.closed) if more else "")


def _search(listed: QuerySet[Case], filters: CaseFilters, page_size: int, look_at: int) -> CasePage:
    """Find a case by number or subject, else by words of its title."""
    if exact := list(listed.filter(pk__in=_exactly(filters.text))[:page_size]):
        return CasePage(exact)
    words = words_of(filters.text)
    if not words:
        return CasePage([])
    titled = cases_titled(words)
    if titled is not None:
        return _page(listed.filter(pk__in=titled), filters, page_size)
    return _look_through(listed, words, page_size, look_at, closed=filters.closed)


def _look_through(
    listed: QuerySet[Case], words: Sequence[str], page_size: int, look_at: int, *, closed: bool
) -> CasePage:
    """Look at the next titles for a tenth of a second; the cursor goes on after the last one."""
    found: list[int] = []
    cursor, looked, until = "", 0, time.monotonic() + SEARCH_SECONDS
    while True:
        piece = min(PIECE, look_at)
        titles = list(
            _after(listed, cursor, closed=closed).select_related(None).only(*_PLACE)[:piece]
        )
        looked += len(titles)
        found += [case.pk for case in titles if has_words(case.title, words)]
        cursor = _cursor(titles[-1], closed=closed) if len(titles) == piece else ""
        if not cursor or len(found) >= page_size or looked >= look_at or time.monotonic() > until:
            break
    rows = list(listed.filter(pk__in=found[:page_size]))
    if len(found) > page_size:
        cursor = _cursor(rows[-1], closed=closed)
    return CasePage(rows, cursor)


_PLACE = ("pk", "title", "rank", "closed_at")


def _exactly(text: str) -> list[int]:
    """Return cases of that subject or number: two queries, each of an index of its own."""
    found = Case.objects.filter(subject=text).values_list("pk", flat=True).order_by("-pk")
    pks = list(found[:PAGE_SIZE])
    if text.isdecimal() and len(text) <= MAX_DIGITS:
        numbered = Case.objects.filter(Q(pk=int(text)) | Q(run_id=int(text)))
        pks += numbered.values_list("pk", flat=True)[:PAGE_SIZE]
    return pks


def _shown_by(filters: CaseFilters, user: User, now: datetime) -> Q:
    condition = _which(filters.show, user)
    if filters.priority:
        condition &= Q(priority=filters.priority)
    if filters.holder:
        condition &= Q(claimed_by__username=filters.holder)
    if filters.band:
        condition &= _BANDS[filters.band](now)
    return condition


_BANDS: Mapping[str, Callable[[datetime], Q]] = {
    "overdue": lambda now: Q(due_at__lte=now),
    "due_soon": lambda now: Q(due_at__gt=now, warn_at__lte=now),
    "on_time": lambda now: Q(due_at__gt=now) & (Q(warn_at=None) | Q(warn_at__gt=now)),
    "paused": lambda now: Q(due_at=None),
}


def _mine(user: User) -> list[int]:
    """Return what the person holds and what waits for them: two queries, each of an index."""
    known = Case.objects.filter(OPEN_ENDED).values_list("pk", flat=True)
    held = known.filter(claimed_by=user, state__in=[CaseState.CLAIMED, CaseState.COMMITTING])
    kept = Q(state__in=CLAIMABLE_STATES, reserved_until__isnull=False)
    waits = known.filter(Q(state=CaseState.WAITING_FOR_INFO) | kept, familiar=user)
    return [*held[:MINE_CAP], *waits[:MINE_CAP]]


def _which(show: str, user: User) -> Q:
    held = Q(state__in=[CaseState.CLAIMED, CaseState.COMMITTING])
    waiting = Q(state=CaseState.WAITING_FOR_INFO)
    if show == "mine":
        return Q(pk__in=_mine(user))
    conditions = {
        "claimed": held,
        "waiting": waiting,
        "decided": Q(state=CaseState.DECIDED),
        "closed": ~Q(state__in=ACTIVE_STATES),
        "all": Q(state__in=ACTIVE_STATES),
    }
    return conditions.get(show, Q(state__in=CLAIMABLE_STATES))


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
        # The bound is said apart from the tie: an index can begin there.
        return cases.filter(closed_at__lte=at).filter(Q(closed_at__lt=at) | Q(pk__lt=last))
    return cases.filter(rank__gte=number).filter(Q(rank__gt=number) | Q(pk__gt=last))


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


def my_work(
    acting: Acting, queue: Queue, now: datetime, *, at: Case | None = None, limit: int = 12
) -> dict[str, Any]:
    """Return what the person holds and what "next" would give them: six queries at most.

    ``at`` is the case they are at; ``ahead`` are the documents of the one that comes after it, as
    (case, document id).
    """
    listed = Case.objects.select_related("queue", "claimed_by").only(
        *LIST_FIELDS, "queue__name", "queue__title"
    )
    held = listed.filter(OPEN_ENDED, claimed_by=acting.user, state=CaseState.CLAIMED)
    upcoming = first_in_line(Line.of(queue, acting, now).parts, limit)
    return {
        "in_hand": list(held.order_by("rank", "id")[:limit]),
        "upcoming": list(listed.filter(pk__in=upcoming).order_by("rank", "id")),
        "ahead": _documents_of([pk for pk in upcoming if at is None or pk != at.pk][:1]),
    }


def _documents_of(case_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return which documents of these cases a browser draws: one query."""
    cases = Case.objects.filter(pk__in=case_ids).values_list("pk", "shown")
    return [
        (pk, document["id"])
        for pk, shown in cases
        for document in documents_of(shown)
        if artifact_digest(document.get("artifact"))
        and (document.get("media_type") or "").startswith(("image/", "application/pdf"))
    ][:AHEAD]


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
    return list(
        Comment.objects.filter(case=case)
        .select_related("author")
        .prefetch_related("attachments")
        .order_by("id")
    )


def people_who_see(case: Case, text: str, limit: int = 8) -> list[User]:
    """Return people whose user name or name begins so, and who may see the case.

    One query, and one for each of the first few whom a role might let see it.
    """
    named = Q()
    for field in ("username", "display_name", "first_name", "last_name"):
        named |= Q(**{f"{field}__istartswith": text})
    roles = PERMISSIONS["cases.view"]
    people = User.objects.filter(
        named, is_active=True, pk__in=RoleGrant.objects.filter(role__in=roles).values("user")
    ).order_by("username")[: limit * 5]
    may = (
        person
        for person in people
        if can(person, "cases.view", flow=case.flow, queue=case.queue.name)
        and may_see(person, case.queue)
    )
    return list(islice(may, limit))


def attachments_of(case: Case) -> list[Attachment]:
    """Return the files that people added to the case, the oldest first: one query."""
    return list(Attachment.objects.filter(case=case).select_related("added_by").order_by("id"))


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

    Looked for among the last SIMILAR_AMONG decisions: one query. See ``reviews.rules.similar``.
    Checks are left out, and so is what a check repeats: it would be the nearest, and tell the
    answer.
    """
    if not case.fields:
        return []
    rows = list(
        Case.objects.filter(
            flow=case.flow, step=case.step, state=CaseState.DECIDED, wait_id__isnull=False
        )
        .exclude(Q(pk=case.pk) | (Q(run_id=case.run_id) if case.wait_id is None else Q(pk=None)))
        .order_by("-id")
        .values_list("pk", "title", "outcome", "closed_at", "fields", "value")[:SIMILAR_AMONG]
    )
    near = nearest(
        {**case.fields, "value of the case": case.value},
        [{**fields, "value of the case": value} for *_, fields, value in rows],
        limit,
    )
    return [SimilarCase(*rows[each.index][:4], each.distance) for each in near]


def run_picture(case: Case, steps: list[StepRun]) -> Picture | None:
    """Return the run so far as a small graph: one query."""
    version = FlowVersion.objects.filter(flow__name=case.flow, number=case.flow_version).first()
    states = {each.step: each.state for each in steps}
    return picture_of(version.document, states) if version else None


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
