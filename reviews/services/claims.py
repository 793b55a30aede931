"""Getting work: claims are leases. What a lead or a holder passes on is in passing.py."""

from datetime import datetime, timedelta

from django.db import transaction

from reviews.errors import CaseHeldByOther, CaseStale, NotAuthorised, WorkLimitReached
from reviews.models import OPEN_ENDED, Case, CaseDraft, Queue
from reviews.models.states import CLAIMABLE, CaseState
from reviews.rules.access import CLAIM
from reviews.selectors.absences import has_delegated
from reviews.selectors.acting import Acting, check_may, check_rules, may
from reviews.selectors.line import Line, first_in_line, has_authority
from reviews.selectors.veil import barred_from
from reviews.services.moving import (
    CLOCK,
    check_fresh,
    check_holds,
    condition_of,
    get_case,
    move_case,
    write_down,
)
from workbench.accounts.models import User

SWEEP_BATCH = 200


def claim_case(*, case_id: int, acting: Acting, now: datetime, revision: int | None = None) -> Case:
    """Take the case as a lease; taking one's own again renews it.

    Raises: Case.DoesNotExist, NotAuthorised, WorkLimitReached, CaseStale, CaseHeldByOther,
    CaseAlreadyDecided, CaseClosed.
    """
    with transaction.atomic():
        case = get_case(case_id)
        if case.held_by(acting.user, now):
            _renew(case, acting.user, now)
            return case
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        check_fresh(case, revision, acting.user, now)
        check_takeable(case, acting, now)
        check_work_limit(case.queue, acting.user, now)
        return take(case, acting, now)


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
        check_rules(CLAIM, acting.user, queue)
        check_work_limit(queue, acting.user, now)
        line = Line.of(queue, acting, now).locked(but=after)
        best = first_in_line([line.known_to(acting.user)], 1) or first_in_line(line.parts, 1)
        if not best:
            return None
        case = get_case(best[0])
        check_may(acting, "cases.decide", queue=queue, flow=case.flow)
        return take(case, acting, now)


def check_takeable(case: Case, acting: Acting, now: datetime) -> None:
    if condition := condition_of(case, acting.user, now):
        raise condition
    if case.state not in CLAIMABLE | {CaseState.CLAIMED}:
        raise CaseStale(
            f"This case is {case.get_state_display().lower()}: it cannot be claimed now."
        )
    check_rules(CLAIM, acting.user, case.queue)
    if case.state == CaseState.ESCALATED and not has_authority(case.queue, acting):
        raise NotAuthorised("This case is escalated: someone with more authority must take it.")
    if asked_for(case, acting.user):
        raise NotAuthorised("You asked for this, so someone else must decide it.")
    if has_delegated(case, acting.user):
        raise NotAuthorised("You delegated this case, so someone else must decide it.")
    if case.wait_id is None and case.pk in barred_from(acting.user):
        raise NotAuthorised("Another person must take this case. Open the next one.")
    check_not_reserved(case, acting.user, now)


def check_not_reserved(case: Case, user: User, now: datetime) -> None:
    """Raises: CaseHeldByOther while a returned case is kept for who worked on it before."""
    kept = case.reserved_until is not None and case.reserved_until > now
    if kept and case.familiar is not None and case.familiar_id != user.pk:
        raise CaseHeldByOther(
            f"This case is kept for {case.familiar.label}, who worked on it before. "
            "Open the next one, or ask a lead to reassign it."
        )


def asked_for(case: Case, user: User) -> bool:
    """Say whether the person asked for what the case decides.

    A run keeps the shown name of who started it, a flow may name the username: either excludes.
    """
    return bool(case.requested_by) and case.requested_by in {user.username, user.label}


def check_work_limit(queue: Queue, user: User, now: datetime) -> None:
    """Raises: WorkLimitReached."""
    held, limit = held_in(queue, user, now), queue.work_limit
    if limit and held >= limit:
        raise WorkLimitReached(
            f"You hold {held} cases, as many as this queue allows. Decide or release one first."
        )


def held_in(queue: Queue, user: User, now: datetime) -> int:
    """Count what the person holds of the queue; where it has a limit, until the commit.

    The lock puts the claims of one person in line: counted side by side, two tabs would both find
    room for one more. It is not one that foreign keys wait for.
    """
    if queue.work_limit:
        User.objects.select_for_update(no_key=True, of=("self",)).only("pk").get(pk=user.pk)
    held = Case.objects.filter(
        OPEN_ENDED, queue=queue, claimed_by=user, state=CaseState.CLAIMED, lease_until__gt=now
    )
    return held.count()


def take(case: Case, acting: Acting, now: datetime) -> Case:
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
        raise condition_of(fresh, acting.user, now) or CaseStale(
            "The case changed in this moment. Look again."
        ) from None
    write_down(case, "claimed", acting, now, data={"taken_over": taken_over})
    return case


def _renew(case: Case, user: User, now: datetime) -> None:
    lease_until = now + timedelta(seconds=case.queue.lease_seconds)
    # An assignment gave a longer lease than a claim does: never shorten it.
    Case.objects.filter(
        pk=case.pk, claimed_by=user, state=CaseState.CLAIMED, lease_until__lt=lease_until
    ).update(lease_until=lease_until)
    case.lease_until = max(case.lease_until or lease_until, lease_until)


def heartbeat(*, case_id: int, acting: Acting, now: datetime) -> Case:
    """Keep the claim. Raises: LeaseExpired, CaseHeldByOther, CaseAlreadyDecided, CaseClosed."""
    case = get_case(case_id)
    check_holds(case, acting.user, now)
    _renew(case, acting.user, now)
    return case


def release_case(
    *, case_id: int, acting: Acting, now: datetime, revision: int | None = None
) -> Case:
    """Give the case back to its queue. A lead may release anyone's.

    Raises: CaseStale, CaseHeldByOther, CaseAlreadyDecided, CaseClosed, LeaseExpired.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_fresh(case, revision, acting.user, now)
        leads = may(acting, "cases.assign", queue=case.queue, flow=case.flow)
        if not leads or case.state != CaseState.CLAIMED:
            check_holds(case, acting.user, now)
        free_case(case)
        write_down(case, "released", acting, now)
        return case


def free_case(case: Case) -> None:
    """Move a claimed case back to its queue."""
    state = CaseState.ESCALATED if case.escalation else CaseState.OPEN
    move_case(case, state, claimed_by=None, claimed_at=None, lease_until=None)


def save_draft(
    *,
    case_id: int,
    acting: Acting,
    content: dict[str, object],
    opened: list[str],
    active_seconds: int,
    now: datetime,
) -> CaseDraft:
    """Keep what the reviewer has typed, claim or no claim: a lost claim must not lose work."""
    draft, _ = CaseDraft.objects.update_or_create(
        case_id=case_id,
        user=acting.user,
        defaults={
            "content": content,
            "opened": opened,
            "active_seconds": active_seconds,
            "saved_at": now,
        },
    )
    return draft


def free_expired_leases(now: datetime) -> bool:
    """Give cases back whose holder went silent; say whether more may be due."""
    ids = list(
        Case.objects.filter(OPEN_ENDED, state=CaseState.CLAIMED, lease_until__lte=now)
        .order_by("lease_until")
        .values_list("pk", flat=True)[:SWEEP_BATCH]
    )
    for case_id in ids:
        with transaction.atomic():
            case = get_case(case_id)
            if case.state != CaseState.CLAIMED or not case.lease_until or case.lease_until > now:
                continue
            holder = case.claimed_by.label if case.claimed_by else ""
            try:
                free_case(case)
            except CaseStale:
                continue
            write_down(case, "lease_expired", CLOCK, now, data={"holder": holder})
    return len(ids) == SWEEP_BATCH
