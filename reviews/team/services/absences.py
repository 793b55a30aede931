"""Plan, start and end absences."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from flows.store import get_store
from reviews.errors import AbsenceInvalid, NotAuthorised
from reviews.models import OPEN_ENDED, Case
from reviews.models.states import CaseState
from reviews.models.team import Absence
from reviews.rules.covering import Away, closes_a_circle
from reviews.selectors.absences import find_stand_in, list_standing_absences, make_aways
from reviews.selectors.acting import Acting
from reviews.services.passing import (
    hand_over,
    hand_over_together,
    list_reserved_for,
    pass_on_reserved,
)
from workbench.accounts.models import User
from workbench.accounts.permissions import Reach, can, reach
from workbench.audit.services import record
from workbench.dispatch.sweeps import Sweep
from workbench.live import nudge_on_commit

# Any number that nothing else in the database takes as an advisory lock.
PLANNING_LOCK = "absences"
BATCH = 50
# SQLite lets nobody else write meanwhile: about 0.1 s.
CASES_TOGETHER = 50
TASK = "reviews.absences"
# What the task sets aside is an absence, and each case that could not be passed on.
ABSENCE, CASE = "absence:", "case:"
LONGEST = timedelta(days=366)


class CasesLeft(Exception):
    """Some cases of who is away could not be passed on."""

    def __init__(self, count: int, person: User) -> None:
        cases = "1 case" if count == 1 else f"{count} cases"
        super().__init__(f"{cases} of {person.label} could not be passed on; see beside this.")


def plan_absence(
    *,
    person: User,
    starts_at: datetime,
    ends_at: datetime,
    cover: User | None,
    acting: Acting,
    now: datetime,
    note: str = "",
) -> Absence:
    """Plan that a person is away, and who covers. If it begins now, their cases are passed on now.

    Anyone plans their own absence; whoever assigns the person's cases may plan it for them.

    Raises: NotAuthorised, AbsenceInvalid.
    """
    check_may_plan(acting, person)
    with transaction.atomic():
        _lock_planning()
        new = Away(person.pk, cover.pk if cover else None, starts_at, ends_at)
        _check_new(new, person, cover, now)
        absence = Absence.objects.create(
            person=person,
            cover=cover,
            starts_at=starts_at,
            ends_at=ends_at,
            note=note.strip()[:200],
            planned_by=acting.user.label[:150],
        )
        _record_planned(absence, acting, now)
        nudge_on_commit(["team"], {"absence": absence.pk})
    if starts_at <= now:
        _start_each([absence.pk], Sweep(TASK, now))
    return absence


def end_absence(*, absence_id: int, acting: Acting, now: datetime) -> None:
    """End an absence early, or call it off. Cases that were passed on stay where they are.

    Raises: Absence.DoesNotExist, NotAuthorised.
    """
    with transaction.atomic():
        absence = Absence.objects.select_related("person").get(pk=absence_id)
        check_may_plan(acting, absence.person)
        if not Absence.objects.filter(pk=absence_id, ended_at=None).update(ended_at=now):
            return
        record(
            action="absence.ended",
            subject=("user", str(absence.person_id)),
            actor=acting.actor,
            payload={"person": absence.person.label, "absence": absence.pk},
            now=now,
            on_behalf_of=acting.on_behalf_of,
        )
        nudge_on_commit(["team"], {"absence": absence.pk})


def start_due_absences(now: datetime) -> bool:
    """Pass on the cases of people whose absence has begun; return whether more may be due."""
    sweep = Sweep(TASK, now)
    due = Absence.objects.filter(started_at=None, ended_at=None, starts_at__lte=now)
    due = due.exclude(pk__in=sweep.ids_passed_over(ABSENCE)).order_by("starts_at")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    _start_each(ids, sweep)
    if len(ids) < BATCH:
        sweep.forget_gone()
    return len(ids) == BATCH


def _start_each(ids: Sequence[int], sweep: Sweep) -> None:
    sweep.each(
        ids,
        lambda absence_id: _start(absence_id, sweep),
        key=lambda absence_id: f"{ABSENCE}{absence_id}",
        own_transaction=True,
    )


def _start(absence_id: int, sweep: Sweep) -> None:
    """Pass the person's cases on to who covers, and mark the absence as started.

    Cases are passed on so many in a transaction. If the clock dies between two, or a case cannot be
    passed on, the absence is not marked, so that a later sweep passes on the rest.

    Raises: CasesLeft.
    """
    absence = Absence.objects.select_related("person").filter(pk=absence_id, ended_at=None).first()
    if absence is None:
        return
    if absence.ends_at > sweep.now and (left := _pass_on_cases(absence.person, sweep)):
        raise CasesLeft(left, absence.person)
    Absence.objects.filter(pk=absence_id, started_at=None).update(started_at=sweep.now)


def _pass_on_held(person: User, cover: User | None, sweep: Sweep) -> None:
    """Pass on what the person holds: together what nobody else works on, the rest one by one."""
    now = sweep.now
    held = Case.objects.filter(OPEN_ENDED, claimed_by=person, state=CaseState.CLAIMED)
    in_use: set[int] = set()

    def pass_on(some: Sequence[int]) -> None:
        in_use.update(hand_over_together(case_ids=some, person=person, cover=cover, now=now))

    def key(case_id: int) -> str:
        return f"{CASE}{case_id}"

    ids = list(held.order_by("rank", "id").values_list("pk", flat=True))
    sweep.together(ids, pass_on, key=key, at_once=CASES_TOGETHER)
    sweep.each(
        sorted(in_use),
        lambda case_id: hand_over(case_id=case_id, person=person, cover=cover, now=now),
        key=key,
        own_transaction=True,
    )


def _pass_on_cases(person: User, sweep: Sweep) -> int:
    """Pass on what the person holds and what is kept for them; return how many could not be."""
    now, before = sweep.now, sweep.failures
    cover = find_stand_in(person, now)
    _pass_on_held(person, cover, sweep)
    sweep.each(
        list(list_reserved_for(person, now).select_related("queue")),
        lambda case: pass_on_reserved(case, person, cover, now),
        key=lambda case: f"{CASE}{case.pk}",
    )
    return sweep.failures - before


def check_may_plan(acting: Acting, person: User) -> None:
    """Raises: NotAuthorised."""
    if person == acting.user and can(acting.principal, "cases.decide"):
        return
    if not is_lead_of(acting, person):
        raise NotAuthorised(f"Only {person.label} or their lead can plan this absence.")


def is_lead_of(acting: Acting, person: User) -> bool:
    """Return whether the acting person assigns cases in a queue in which the other decides."""
    assigns, decides = reach(acting.principal, "cases.assign"), reach(person, "cases.decide")
    return bool(assigns) and bool(decides) and _overlap(assigns, decides)


def _overlap(one: Reach, other: Reach) -> bool:
    if one.everywhere or other.everywhere:
        return True
    return any(
        (not flow or not a_flow or flow == a_flow)
        and (not queue or not a_queue or queue == a_queue)
        for flow, queue in one.scopes
        for a_flow, a_queue in other.scopes
    )


def _check_new(new: Away, person: User, cover: User | None, now: datetime) -> None:
    """Raises: AbsenceInvalid."""
    if new.ends_at <= new.starts_at:
        raise AbsenceInvalid("ends_at", "An absence must end after it starts.")
    if new.ends_at <= now:
        raise AbsenceInvalid("ends_at", "The absence lies in the past.")
    if new.ends_at - new.starts_at > LONGEST:
        raise AbsenceInvalid("ends_at", "An absence lasts a year at most.")
    if cover is not None:
        _check_cover(person, cover)
    planned = make_aways(list_standing_absences(now))
    if any(_overlap_in_time(away, new) for away in planned):
        raise AbsenceInvalid(
            "starts_at", f"{person.label} is away then already: end that absence first."
        )
    if closes_a_circle(new, planned):
        name = cover.label if cover else ""
        raise AbsenceInvalid("cover", f"{name} would pass the cases back: choose someone else.")


def _overlap_in_time(one: Away, other: Away) -> bool:
    """Return whether both are absences of the same person and share some time."""
    return (
        one.person == other.person
        and one.starts_at < other.ends_at
        and other.starts_at < one.ends_at
    )


def _check_cover(person: User, cover: User) -> None:
    if cover == person:
        raise AbsenceInvalid("cover", "Nobody covers for themselves: choose a colleague.")
    if not cover.is_active or not can(cover, "cases.decide"):
        raise AbsenceInvalid("cover", f"{cover.label} decides no cases: choose someone who does.")


def _lock_planning() -> None:
    """Let one transaction plan at a time, or two could name each other's person as cover."""
    get_store().lock_key(PLANNING_LOCK)


def _record_planned(absence: Absence, acting: Acting, now: datetime) -> None:
    record(
        action="absence.planned",
        subject=("user", str(absence.person_id)),
        actor=acting.actor,
        payload={
            "person": absence.person.label,
            "cover": absence.cover.label if absence.cover else "nobody",
            "from": absence.starts_at.isoformat(),
            "until": absence.ends_at.isoformat(),
        },
        now=now,
        on_behalf_of=acting.on_behalf_of,
    )
