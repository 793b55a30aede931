"""Claim a case, by hand or as the next one. How a claim is kept and given back is in leases.py."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from reviews.errors import CaseStale, NotAuthorised
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
from reviews.services.policies import judge_reviewer
from reviews.services.refused import notes_refusals

# Of so many cases at most "next" asks the policies whether the person may have them.
MOST_JUDGED = 50


@notes_refusals("claim it")
def claim_case(*, case_id: int, acting: Acting, now: datetime, revision: int | None = None) -> Case:
    """Claim the case for the person; if they hold it already, renew the lease.

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
    """Claim the first case of the queue that the person may take; return None if there is none.

    Picks and claims in one transaction. Rows that others are taking at this moment are skipped
    (SKIP LOCKED; SQLite has one writer), so that nobody waits for another. A case that the person
    worked on before comes first. One that a policy refuses them is passed over.

    Raises: NotAuthorised, WorkLimitReached.
    """
    with transaction.atomic():
        check_queue(queue, Candidate(acting, Act.TAKE, now))
        check_work_limit(queue, acting.user, now)
        line = Line.of(queue, acting, now).lock(but=after)
        return _take_first(line, acting, now)


def _take_first(line: Line, acting: Acting, now: datetime) -> Case | None:
    """Take the first case that no policy refuses. Only after a refusal more than one is read."""
    refused = set[int]()
    for limit in (1, MOST_JUDGED):
        for case_id in _list_next(line, acting, limit):
            if case_id in refused:
                continue
            try:
                return take_case(get_case(case_id), acting, now)
            except NotAuthorised:
                refused.add(case_id)
        if not refused:
            return None
    return None


def _list_next(line: Line, acting: Acting, limit: int) -> Iterator[int]:
    """Yield the first cases in line, those that the person worked on before first."""
    yield from list_first_in_line([line.filter_known(acting.user)], limit)
    yield from list_first_in_line(line.parts, limit)


def claim_if_free(case: Case, acting: Acting, now: datetime) -> None:
    """Claim the case if it is free, and check that the person holds it.

    In the caller's transaction.

    Raises: what claim_case raises, and LeaseExpired if the person's claim ran out.
    """
    if case.state in CLAIMABLE:
        check_takeable(case, acting, now)
        take_case(case, acting, now)
    check_holds(case, acting.user, now)


def check_takeable(case: Case, acting: Acting, now: datetime) -> None:
    """Raise why the person may not take the case, if so: one query."""
    check_eligible(case, Candidate(acting, Act.TAKE, now))


def take_case(case: Case, acting: Acting, now: datetime) -> Case:
    """Move a free case to the person, if no policy refuses it.

    Raises: NotAuthorised, CaseStale, or why the case is no longer free.
    """
    verdict = judge_reviewer(case, Candidate(acting, Act.TAKE, now))
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
        # Another person was faster: name them rather than say that something changed.
        fresh = get_case(case.pk)
        raise find_obstacle(fresh, acting.user, now) or CaseStale(
            "The case changed in this moment. Look again."
        ) from None
    record_event(
        case, "claimed", acting, now, data={"taken_over": taken_over} | verdict.as_payload()
    )
    return case
