"""Pass a case to another person: by a lead, by its holder, or because its holder is away."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from flows.policies.points import Verdict
from reviews.errors import CaseStale, PersonAway, PersonUnfit, ReviewError, WorkLimitReached
from reviews.models import OPEN_ENDED, Case, CaseDraft
from reviews.models.states import CLAIMABLE, CaseState
from reviews.models.team import Delegation
from reviews.selectors.absences import find_stand_in
from reviews.selectors.acting import Acting, check_may
from reviews.selectors.eligibility import (
    Act,
    Candidate,
    check_eligible,
    find_obstacle,
    make_candidate,
)
from reviews.services.capacity import count_held
from reviews.services.leases import free_case
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
from reviews.services.policies import judge_reviewer
from reviews.services.post import Post
from reviews.services.refused import notes_refusals
from reviews.services.telling import notify_people
from workbench.accounts.models import User

# Someone who was given a case may not be at their desk: the lease lasts a working day.
ASSIGNED_LEASE_SECONDS = 24 * 3600


@notes_refusals("assign it")
def assign_case(
    *, case_id: int, to: User, acting: Acting, now: datetime, revision: int | None = None
) -> Case:
    """Give the case to a person, or to their cover if they are away, whoever holds it now.

    The holder's draft stays theirs.

    Raises: NotAuthorised, PersonUnfit, PersonAway, WorkLimitReached, CaseStale,
    CaseAlreadyDecided, CaseClosed.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.assign", queue=case.queue, flow=case.flow)
        check_fresh(case, revision, acting.user, now)
        receiver = _find_receiver(to, now)
        verdict = _check_receiver(case, make_candidate(receiver, Act.RECEIVE, acting.actor, now))
        if case.state not in CLAIMABLE | {CaseState.CLAIMED}:
            raise find_obstacle(case, acting.user, now) or CaseStale(
                "This case cannot be assigned now: it is being committed or waits for information."
            )
        data = {"to": receiver.label, "from": case.claimed_by.label if case.claimed_by else ""}
        if receiver != to:
            data["instead_of"] = to.label
        _give(case, receiver, now)
        record_event(case, "assigned", acting, now, data=data | verdict.as_payload())
        notify_people(case, [receiver], "assigned", now, by=acting.user.label)
        return case


@notes_refusals("pass it on")
def delegate_case(
    *,
    case_id: int,
    to: User,
    acting: Acting,
    now: datetime,
    reason: str = "",
    revision: int | None = None,
) -> Case:
    """Pass one's own case to a colleague.

    A person who has delegated a case may not decide it any more, so it cannot go round in circles.

    Raises: PersonUnfit, PersonAway, WorkLimitReached, CaseStale and the claim's conditions.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        check_fresh(case, revision, acting.user, now)
        check_holds(case, acting.user, now)
        if to == acting.user:
            raise PersonUnfit("You hold this case already: choose a colleague.")
        receiver = _find_receiver(to, now)
        if receiver == acting.user:
            raise PersonUnfit(f"{to.label} is away and you cover: choose someone else.")
        verdict = _check_receiver(case, make_candidate(receiver, Act.RECEIVE, acting.actor, now))
        reason = reason.strip()[:300]
        Delegation.objects.create(case=case, by=acting.user, to=receiver, reason=reason, at=now)
        _pass_draft(case, acting.user, receiver, now)
        _give(case, receiver, now)
        data = {"from": acting.user.label, "to": receiver.label, "reason": reason}
        record_event(case, "delegated", acting, now, data=data | verdict.as_payload())
        notify_people(case, [receiver], "delegated", now, said=reason, by=acting.user.label)
        return case


def hand_over(*, case_id: int, person: User, cover: User | None, now: datetime) -> None:
    """Pass a case from a person who is away to their cover, or return it to its queue.

    It is returned if nobody covers or if the cover may not have it.
    """
    with transaction.atomic():
        _hand_over_each([get_case(case_id)], person, cover, now)


def hand_over_together(
    *, case_ids: Sequence[int], person: User, cover: User | None, now: datetime
) -> set[int]:
    """Do what ``hand_over`` does for cases, in the caller's transaction and their order.

    Return those that were left because another transaction holds them.
    """
    cases = lock_free_cases(case_ids)
    _hand_over_each([cases[each] for each in case_ids if each in cases], person, cover, now)
    return set(case_ids) - cases.keys()


def _hand_over_each(cases: Sequence[Case], person: User, cover: User | None, now: datetime) -> None:
    held = [c for c in cases if c.state == CaseState.CLAIMED and c.claimed_by_id == person.pk]
    candidate = make_candidate(cover, Act.RECEIVE, CLOCK, now) if cover else None
    if candidate:
        candidate.read_histories(held)
    drafts = {each.case_id: each for each in CaseDraft.objects.filter(case__in=held, user=person)}
    post, events = Post(now), []
    for case in held:
        events.append(_hand_over_one(case, person, candidate, now))
        if case.claimed_by_id is None or not cover:
            continue
        _copy_draft(drafts.get(case.pk), case, cover, now)
        post.tell(case, [cover], "covered", by=person.label)
    record_events(events, CLOCK, now)
    post.write()


def _hand_over_one(
    case: Case, person: User, candidate: Candidate | None, now: datetime
) -> NewEvent:
    """Give the case to the candidate, or free it if they may not have it; return the event."""
    try:
        if candidate is None:
            raise PersonAway(f"{person.label} is away and nobody covers.")
        verdict = _check_receiver(case, candidate)
    except (PersonUnfit, PersonAway, WorkLimitReached) as why:
        free_case(case)
        return NewEvent(case, "released", {"reason": str(why)})
    _give(case, candidate.user, now)
    data = {"from": person.label, "to": candidate.user.label}
    return NewEvent(case, "covered", data | verdict.as_payload())


def _check_receiver(case: Case, candidate: Candidate) -> Verdict:
    """Return what the policies say, which allow it.

    Raises: PersonUnfit, WorkLimitReached with why the person cannot be given the case.
    """
    check_eligible(case, candidate)
    limit, to = case.queue.work_limit, candidate.user
    if limit and case.claimed_by_id != to.pk and count_held(case.queue, to, candidate.now) >= limit:
        raise WorkLimitReached(
            f"{to.label} holds {limit} cases, as many as {case.queue.title} allows: "
            "choose someone else."
        )
    return judge_reviewer(case, candidate)


def _may_be_handed(case: Case, person: User, now: datetime) -> bool:
    """Return whether the case may be kept for the person when it comes back."""
    candidate = make_candidate(person, Act.BE_HANDED, CLOCK, now)
    try:
        check_eligible(case, candidate)
        judge_reviewer(case, candidate)
    except ReviewError:
        return False
    return True


def reserve_for_familiar(case: Case, person: User | None, now: datetime) -> None:
    """Reserve a returned case for the person who worked on it before, or for their cover.

    Only if they may still take and decide it. Does not save.
    """
    case.familiar, case.reserved_until = None, None
    receiver = find_stand_in(person, now) if person else None
    if receiver is None or not _may_be_handed(case, receiver, now):
        return
    case.familiar = receiver
    if case.queue.familiar_minutes:
        case.reserved_until = now + timedelta(minutes=case.queue.familiar_minutes)


def list_reserved_for(person: User, now: datetime) -> QuerySet[Case]:
    """Return the cases that are kept for the person."""
    return Case.objects.filter(
        OPEN_ENDED, familiar=person, state__in=CLAIMABLE, reserved_until__gt=now
    )


def pass_on_reserved(case: Case, person: User, cover: User | None, now: datetime) -> None:
    """Keep what is kept for who is away for their cover, or for nobody if they may not have it."""
    fit = cover and _may_be_handed(case, cover, now)
    changes = {"familiar": cover} if fit else {"familiar": None, "reserved_until": None}
    list_reserved_for(person, now).filter(pk=case.pk).update(**changes)


def _find_receiver(to: User, now: datetime) -> User:
    """Return the person, or their cover if they are away. Raises: PersonAway."""
    found = find_stand_in(to, now)
    if found is None:
        raise PersonAway(f"{to.label} is away and nobody covers: choose someone else.")
    return found


def _pass_draft(case: Case, giver: User, receiver: User, now: datetime) -> None:
    """Copy the giver's draft to the receiver, unless they have one of their own.

    The evidence that the giver opened is left out: the receiver has not seen it.
    """
    draft = CaseDraft.objects.filter(case=case, user=giver).first()
    _copy_draft(draft, case, receiver, now)


def _copy_draft(draft: CaseDraft | None, case: Case, receiver: User, now: datetime) -> None:
    if draft is not None:
        CaseDraft.objects.get_or_create(
            case=case, user=receiver, defaults={"content": draft.content, "saved_at": now}
        )


def _give(case: Case, to: User, now: datetime) -> None:
    move_case(
        case,
        CaseState.CLAIMED,
        claimed_by=to,
        claimed_at=now,
        lease_until=now + timedelta(seconds=ASSIGNED_LEASE_SECONDS),
        familiar=to,
        reserved_until=None,
    )
