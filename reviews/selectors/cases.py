"""Read cases, what was said and decided on them, and the cases like them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from flows.models import FlowVersion, Run
from flows.selectors import list_step_runs
from flows.selectors.timeline import StepRun
from reviews.models import (
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
from reviews.rules.documents import get_artifact_digest, list_documents
from reviews.rules.run_picture import Picture, draw_picture
from reviews.rules.similar import find_nearest
from reviews.rules.sla import compute_band, read_plan
from reviews.selectors.acting import Acting, may_see
from reviews.selectors.line import Line, list_first_in_line
from reviews.selectors.lists import LIST_FIELDS, limit_to_reach
from reviews.selectors.veil import exclude_hidden, list_seen_steps
from workbench.accounts.models import RoleGrant, User
from workbench.accounts.permissions import PERMISSIONS, can, reach
from workbench.search.matching import beginning

SIMILAR_AMONG = 300
# Documents of the next case that a browser fetches while one works on this one.
AHEAD = 3


# --- One case ---------------------------------------------------------------------


def get_visible_case(case_id: int, principal: Any, permission: str = "cases.view") -> Case:
    """Return the case if the principal may see it: one query.

    Raises: Case.DoesNotExist, also where it may not be seen.
    """
    found = Case.objects.select_related("queue", "claimed_by", "familiar")
    case = found.filter(exclude_hidden(getattr(principal, "user", principal))).get(pk=case_id)
    allowed = can(principal, permission, flow=case.flow, queue=case.queue.name)
    if not allowed or not may_see(principal, case.queue):
        raise Case.DoesNotExist(case_id)
    return case


def get_work(
    acting: Acting, queue: Queue, now: datetime, *, at: Case | None = None, limit: int = 12
) -> dict[str, Any]:
    """Return what the person holds and what "next" would give them: six queries at most.

    ``at`` is the case they are at; ``ahead`` are the documents of the one that comes after it, as
    (case, document id).
    """
    listed = Case.objects.select_related("queue", "claimed_by").only(
        *LIST_FIELDS, "queue__name", "queue__title"
    )
    # A token, or a role taken away since, may not show what the person holds.
    listed = listed.filter(limit_to_reach(reach(acting.principal, "cases.view")))
    held = listed.filter(OPEN_ENDED, claimed_by=acting.user, state=CaseState.CLAIMED)
    upcoming = list_first_in_line(Line.of(queue, acting, now).parts, limit)
    return {
        "in_hand": list(held.order_by("rank", "id")[:limit]),
        "upcoming": list(listed.filter(pk__in=upcoming).order_by("rank", "id")),
        "ahead": _list_drawn_documents([pk for pk in upcoming if at is None or pk != at.pk][:1]),
    }


def _list_drawn_documents(case_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return the documents of these cases that a browser can show: one query."""
    cases = Case.objects.filter(pk__in=case_ids).values_list("pk", "shown")
    return [
        (pk, document["id"])
        for pk, shown in cases
        for document in list_documents(shown)
        if get_artifact_digest(document.get("artifact"))
        and (document.get("media_type") or "").startswith(("image/", "application/pdf"))
    ][:AHEAD]


def get_draft(case: Case, user: User) -> CaseDraft | None:
    return CaseDraft.objects.filter(case=case, user=user).first()


def find_pending_decision(user: User, now: datetime) -> Decision | None:
    """Return the person's newest decision that can still be undone: one query."""
    return (
        Decision.objects.filter(state=DecisionState.PENDING, decided_by=user, commit_at__gt=now)
        .select_related("case")
        .defer("case__shown", "case__rules", "receipt")
        .order_by("-at")
        .first()
    )


def list_events(case: Case, limit: int = 200) -> list[CaseEvent]:
    return list(CaseEvent.objects.filter(case=case).order_by("-id")[:limit])


def list_comments(case: Case) -> list[Comment]:
    return list(
        Comment.objects.filter(case=case)
        .select_related("author")
        .prefetch_related("attachments")
        .order_by("id")
    )


def search_people(case: Case, text: str, limit: int = 8) -> list[User]:
    """Return people whose username or name begins with the text and who may see the case.

    One query, and one for each of the first few whom a role might let see it.
    """
    named = beginning(text, "username", "display_name", "first_name", "last_name")
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


def list_attachments(case: Case) -> list[Attachment]:
    """Return the files that people added to the case, the oldest first: one query."""
    return list(Attachment.objects.filter(case=case).select_related("added_by").order_by("id"))


def list_information_requests(case: Case) -> list[InformationRequest]:
    return list(
        InformationRequest.objects.filter(case=case).select_related("asked_by").order_by("id")
    )


def list_decisions(case: Case) -> list[Decision]:
    """Return the standing decisions, oldest first: one query."""
    return list(
        Decision.objects.filter(case=case)
        .exclude(state=DecisionState.WITHDRAWN)
        .select_related("decided_by")
        .order_by("id")
    )


def list_earlier_cases(case: Case, acting: Acting, limit: int = 5) -> list[Case]:
    """Return other cases of the same subject that the person may see, newest first.

    One query at most, two where some are in other queues. Checks are left out: they repeat another
    case. And what a check repeats would tell its answer.
    """
    if not case.subject:
        return []
    others = _list_beside(case, acting).filter(subject=case.subject)
    if case.wait_id is None:
        others = others.exclude(run_id=case.run_id)
    found = list(
        others.select_related("claimed_by", "queue")
        .only(*LIST_FIELDS, "queue__name", "queue__title")
        .order_by("-id")[:limit]
    )
    hidden = _find_hidden_queues(case, acting, {each.queue_id for each in found})
    return [each for each in found if each.queue_id not in hidden]


def _list_beside(case: Case, acting: Acting) -> QuerySet[Case]:
    """Return the other cases of the same flow within the person's reach, without checks."""
    within = limit_to_reach(reach(acting.principal, "cases.view"))
    others = Case.objects.filter(within, flow=case.flow, wait_id__isnull=False)
    return others.exclude(pk=case.pk)


def _find_hidden_queues(case: Case, acting: Acting, queues: set[int]) -> set[int]:
    """Return which of the queues have rules by which the person does not see them.

    No query where all are the queue of the case, which they see.
    """
    others = queues - {case.queue_id}
    found = Queue.objects.filter(pk__in=others) if others else ()
    return {queue.pk for queue in found if not may_see(acting.principal, queue)}


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A decided case with how far it is from another: 0 the same, 1 as far apart as any."""

    id: int
    title: str
    outcome: str
    closed_at: datetime | None
    distance: float


def list_similar_cases(case: Case, acting: Acting, limit: int = 4) -> list[SimilarCase]:
    """Return the decided cases of the same step nearest to this one, by its fields and its value.

    Looked for among the last SIMILAR_AMONG decisions that the person may see: one query, two where
    some are in other queues. See ``reviews.rules.similar``. Checks are left out, and so is what a
    check repeats: it would be the nearest, and tell the answer.
    """
    if not case.fields:
        return []
    others = _list_beside(case, acting).filter(step=case.step, state=CaseState.DECIDED)
    if case.wait_id is None:
        others = others.exclude(run_id=case.run_id)
    columns = ("pk", "title", "outcome", "closed_at", "queue", "fields", "value")
    rows = list(others.order_by("-id").values_list(*columns)[:SIMILAR_AMONG])
    hidden = _find_hidden_queues(case, acting, {queue for *_, queue, _, _ in rows})
    rows = [row for row in rows if row[4] not in hidden]
    near = find_nearest(
        {**case.fields, "value of the case": case.value},
        [{**fields, "value of the case": value} for *_, fields, value in rows],
        limit,
    )
    found = [(rows[each.index], each.distance) for each in near]
    return [SimilarCase(row[0], row[1], row[2], row[3], distance) for row, distance in found]


def draw_run(case: Case, steps: list[StepRun]) -> Picture | None:
    """Return the run so far as a small graph, None if its flow has no layout: one query."""
    # An agent's case stands in the agent's own graph, which is a part of the flow's version.
    part = Run.objects.filter(pk=case.run_id).values("version__part")
    version = FlowVersion.with_parts.filter(
        flow__name=case.flow, number=case.flow_version, part=Coalesce(Subquery(part), Value(""))
    ).first()
    states = {each.step: each.state for each in steps}
    return draw_picture(version.document, states) if version else None


def list_steps_so_far(case: Case) -> list[StepRun]:
    """Return the step runs of the case's run: five queries, six for a check."""
    run = Run.objects.select_related("flow", "version").filter(pk=case.run_id).first()
    return list_seen_steps(case, list_step_runs(run)) if run else []


def get_band(case: Case, now: datetime) -> str:
    if case.state not in ACTIVE:
        return "closed"
    return compute_band(case.due_at, case.warn_at, now)


def describe_next_act(case: Case) -> Mapping[str, Any] | None:
    """Return what happens if nobody acts, and when; None if nothing does."""
    if case.next_act_at is None or case.state not in ACTIVE:
        return None
    plan = read_plan(case.sla)
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
