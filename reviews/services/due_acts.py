"""What the clock does to cases by their SLA: warn, remind, escalate, breach. Each act once."""

from datetime import datetime

from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from reviews.models import BreachAction, Case
from reviews.notices import notify_leads, notify_people
from reviews.services.decisions import expire_case
from reviews.services.moving import CLOCK, get_case, lock_run, move_case, write_down
from reviews.services.opening import close_case, set_instants
from reviews.sla import Act, plan_from
from reviews.states import ACTIVE, CaseState

BATCH = 200
# A decision within its commit window is about to end the case; the act waits for it.
DUE_STATES = ACTIVE - {CaseState.COMMITTING, CaseState.WAITING_FOR_INFO}


def perform_due_acts(now: datetime) -> bool:
    """Perform what is due by ``now``; say whether more may be due."""
    due = list(
        Case.objects.filter(next_act_at__lte=now, state__in=DUE_STATES)
        .order_by("next_act_at")
        .values_list("pk", "acts_done")[:BATCH]
    )
    for case_id, acts_done in due:
        perform_act(case_id=case_id, number=acts_done, now=now)
    return len(due) == BATCH


def perform_act(*, case_id: int, number: int, now: datetime) -> bool:
    """Perform the case's act of that number if it is due and not done; say whether this call did.

    The count of acts done is raised by a conditional UPDATE in the transaction of the act, so of
    two clocks one finds nothing to do, and a clock that dies has done all of it or nothing.
    """
    with transaction.atomic():
        case = get_case(case_id)
        plan = plan_from(case.sla)
        if number >= len(plan.acts):
            return False
        if plan.acts[number].kind == "breach":
            lock_run(case)
        case.acts_done = number + 1
        set_instants(case)
        taken = Case.objects.filter(
            pk=case_id,
            revision=case.revision,
            acts_done=number,
            next_act_at__lte=now,
            state__in=DUE_STATES,
        ).update(acts_done=case.acts_done, next_act_at=case.next_act_at)
        if not taken:
            return False
        # The row is this transaction's now: read what it is, not what it was.
        case = get_case(case_id)
        _ACTS[plan.acts[number].kind](case, plan.acts[number], now)
        return True


def _warn(case: Case, act: Act, now: datetime) -> None:
    write_down(case, "sla_warned", CLOCK, now, data=_due(case))


def _remind(case: Case, act: Act, now: datetime) -> None:
    if act.to != "lead" and case.claimed_by:
        notify_people(case, [case.claimed_by], "reminder", now)
    else:
        notify_leads(case, "reminder", now)
    write_down(case, "sla_reminded", CLOCK, now, data={**_due(case), "to": act.to or "holder"})


def _escalate(case: Case, act: Act, now: datetime) -> None:
    """Raise the level. A case in someone's hands stays there: they may be about to decide."""
    level = case.escalation + 1
    if case.state == CaseState.OPEN:
        move_case(case, CaseState.ESCALATED, escalation=level)
    else:
        Case.objects.filter(pk=case.pk).update(escalation=level)
        case.escalation = level
    notify_leads(case, "escalated", now)
    write_down(case, "escalated", CLOCK, now, data={**_due(case), "level": level})


def _breach(case: Case, act: Act, now: datetime) -> None:
    action = plan_from(case.sla).breach
    if action == BreachAction.EXPIRE:
        _expire(case, now)
        return
    if action == BreachAction.REASSIGN and case.state == CaseState.CLAIMED:
        state = CaseState.ESCALATED if case.escalation else CaseState.OPEN
        move_case(case, state, claimed_by=None, claimed_at=None, lease_until=None, familiar=None)
    _make_urgent(case)
    notify_leads(case, "breached", now)
    write_down(case, "sla_breached", CLOCK, now, data={**_due(case), "action": action})


def _expire(case: Case, now: datetime) -> None:
    write_down(case, "sla_breached", CLOCK, now, data={**_due(case), "action": "expire"})
    try:
        with transaction.atomic():
            expire_case(case, now)
    except (WaitAlreadyResolved, RunNotActive):
        fresh = get_case(case.pk)
        close_case(fresh, CaseState.CANCELLED, outcome="", now=now)
        write_down(fresh, "cancelled", CLOCK, now)


def _make_urgent(case: Case) -> None:
    case.priority = 1
    set_instants(case)
    Case.objects.filter(pk=case.pk).update(priority=case.priority, rank=case.rank)


def _due(case: Case) -> dict[str, object]:
    return {"due_at": case.due_at.isoformat() if case.due_at else None}


_ACTS = {"warn": _warn, "remind": _remind, "escalate": _escalate, "breach": _breach}
