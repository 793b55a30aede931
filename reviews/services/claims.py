"""Claim a case, by hand or as the next one. How a claim is kept and given back is in leases.py."""

from datetime import datetime, timedelta

from django.db import transaction

from reviews.errors import CaseStale
from reviews.models import Case, Queue
from reviews.models.states import CLAIMABLE, CaseState
from reviews.selectors.acting import Acting, check_may
from reviews.selectors.eligibility import (
    Act,
    Candidate,
    check_eligible,
    check_queue,
    find_obstacle,
)
from reviews.selectors.line import Line, list_first_in_line
from reviews.services.capacity import check_work_limit
from reviews.services.leases import renew_lease
from reviews.services.moving import check_fresh, check_holds, get_case, move_case, record_event


def claim_case(*, case_id: int, acting: Acting, now: datetime, revision: int | None = None) -> Case:
    """Take the case as a lease; taking one's own again renews it.

    Raises: Case.DoesNotExist, NotAuthorised, WorkLimitReached, CaseStale, CaseHeldByOther,
    CaseAlreadyDecided, CaseClosed.
    """
    with transaction.atomic():
        case = get_case(case_id)
        if case.held_by(acting.user, now):
            renew_lease(case, acting.user, now)
            return case
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        check_fresh(case, revision, acting.user, now)
        check_takeable(case, acting, now)
        check_work_limit(case.queue, acting.user, now)
        return take_case(case, acting, now)


def claim_next(
    *, queue: Queue, acting: Acting, now: datetime, after: Case | None = None
) -> Case | None:
    """Take the best case of the queue for this person; None if there is none.

    Picks and claims in one transaction. Rows that others are taking at this moment are skipped
    (SKIP LOCKED; SQLite has one writer), so that nobody waits for another. A case that the person
    worked on before comes first.

    Raises: NotAuthorised, WorkLimitReached.
    """
    with transaction.atomic():
        check_queue(queue, Candidate(acting, Act.TAKE, now))
        check_work_limit(queue, acting.user, now)
        line = Line.of(queue, acting, now).lock(but=after)
        best = list_first_in_line([line.filter_known(acting.user)], 1) or list_first_in_line(
            line.parts, 1
        )
        return take_case(get_case(best[0]), acting, now) if best else None


def claim_if_free(case: Case, acting: Acting, now: datetime) -> None:
    """Claim a free case for an act that its holder does. In the caller's transaction.

    Raises: what claim_case raises, and LeaseExpired if the person's claim ran out.
    """
    if case.state in CLAIMABLE:
        check_takeable(case, acting, now)
        take_case(case, acting, now)
    check_holds(case, acting.user, now)


def check_takeable(case: Case, acting: Acting, now: datetime) -> None:
    """Raises: what stands against the person's taking the case. One query."""
    check_eligible(case, Candidate(acting, Act.TAKE, now))


def take_case(case: Case, acting: Acting, now: datetime) -> Case:
    """Move a free case into the person's hands."""
    taken_over = case.state == CaseState.CLAIMED
    lease_until = now + timedelta(seconds=case.queue.lease_seconds)
    try:
        move_case(
            case,
            CaseState.CLAIMED,
            claimed_by=acting.user,
            claimed_at=now,
            lease_until=lease_until,
            familiar=acting.user,
            reserved_until=None,
        )
    except CaseStale:
        # Lost the race: say who won rather than that something changed.
        fresh = get_case(case.pk)
        raise find_obstacle(fresh, acting.user, now) or CaseStale(
            "The case changed in this moment. Look again."
        ) from None
    record_event(case, "claimed", acting, now, data={"taken_over": taken_over})
    return case
