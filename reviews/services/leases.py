"""Renew a claim, release a case, and free cases whose lease has expired."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from reviews.models import OPEN_ENDED, Case
from reviews.models.states import CaseState
from reviews.selectors.acting import Acting, may
from reviews.services.moving import (
    CLOCK,
    NewEvent,
    check_fresh,
    check_holds,
    get_case,
    lock_free_cases,
    move_case,
    record_event,
    record_events,
)
from reviews.services.refused import notes_refusals
from workbench.accounts.models import User
from workbench.dispatch.sweeps import Sweep

SWEEP_BATCH = 200


def renew_claim(*, case_id: int, acting: Acting, now: datetime) -> Case:
    """Renew the claim. Raises: LeaseExpired, CaseHeldByOther, CaseAlreadyDecided, CaseClosed."""
    case = get_case(case_id)
    check_holds(case, acting.user, now)
    renew_lease(case, acting.user, now)
    return case


def renew_lease(case: Case, user: User, now: datetime) -> None:
    """Renew the holder's lease; do not shorten a longer one."""
    lease_until = now + timedelta(seconds=case.queue.lease_seconds)
    # An assignment gave a longer lease than a claim does: never shorten it.
    Case.objects.filter(
        pk=case.pk, claimed_by=user, state=CaseState.CLAIMED, lease_until__lt=lease_until
    ).update(lease_until=lease_until)
    case.lease_until = max(case.lease_until or lease_until, lease_until)


@notes_refusals("give it back")
def release_case(
    *, case_id: int, acting: Acting, now: datetime, revision: int | None = None
) -> Case:
    """Return the case to its queue. A lead may release anyone's.

    Raises: CaseStale, CaseHeldByOther, CaseAlreadyDecided, CaseClosed, LeaseExpired.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_fresh(case, revision, acting.user, now)
        leads = may(acting, "cases.assign", queue=case.queue, flow=case.flow)
        if not leads or case.state != CaseState.CLAIMED:
            check_holds(case, acting.user, now)
        free_case(case)
        record_event(case, "released", acting, now)
        return case


def free_case(case: Case) -> None:
    """Move a claimed case back to its queue."""
    move_case(case, case.free_state, claimed_by=None, claimed_at=None, lease_until=None)


def free_expired_leases(now: datetime) -> bool:
    """Give cases back whose holder went silent; return True if more may be due."""
    sweep = Sweep("reviews.leases", now)
    expired = Case.objects.filter(OPEN_ENDED, state=CaseState.CLAIMED, lease_until__lte=now)
    expired = expired.exclude(pk__in=sweep.ids_passed_over()).order_by("lease_until")
    ids = list(expired.values_list("pk", flat=True)[:SWEEP_BATCH])
    freed = 0

    def free(some: Sequence[int]) -> None:
        nonlocal freed
        freed += _free_together(some, now)

    sweep.together(ids, free, key=str)
    if len(ids) < SWEEP_BATCH:
        sweep.forget_gone()
    # Where others hold every case that is due, asking again at once would only spin.
    return freed + sweep.failures > 0 and len(ids) == SWEEP_BATCH


def _free_together(case_ids: Sequence[int], now: datetime) -> int:
    """Free those of the cases that nobody has locked and whose lease was not renewed meanwhile.

    In the caller's transaction. Return how many.
    """
    events = []
    for case in lock_free_cases(case_ids).values():
        if case.state != CaseState.CLAIMED or not case.lease_until or case.lease_until > now:
            continue
        holder = case.claimed_by.label if case.claimed_by else ""
        free_case(case)
        events.append(NewEvent(case, "lease_expired", {"holder": holder}))
    record_events(events, CLOCK, now)
    return len(events)
