"""Assigning, delegating, covering, keeping for whom knows it, and how much one may hold."""

from datetime import datetime, timedelta

import pytest

from reviews.errors import (
    AbsenceInvalid,
    CaseHeldByOther,
    NotAuthorised,
    PersonAway,
    PersonUnfit,
    WorkLimitReached,
)
from reviews.models import Case, Queue, Reviewer
from reviews.models.team import Absence, Delegation
from reviews.services.claims import claim_case, claim_next
from reviews.services.conversation import reply, request_information
from reviews.services.decisions import decide_case
from reviews.services.leases import release_case
from reviews.services.passing import assign_case, delegate_case
from reviews.team.services.absences import end_absence, plan_absence, start_due_absences
from reviews.team.services.reviewers import set_reviewer
from tests.factories.cases import approve, make_case, make_held_case
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, cem=Role.REVIEWER, lea=Role.LEAD)


def holder(case: Case) -> str | None:
    case.refresh_from_db()
    return case.claimed_by.username if case.claimed_by else None


def away(who: str, cover: str | None, now: datetime, days: int = 5, start: int = 0) -> Absence:
    return plan_absence(
        person=person(who).user,
        starts_at=now + start * DAY,
        ends_at=now + (start + days) * DAY,
        cover=person(cover).user if cover else None,
        acting=person(who),
        now=now,
    )


# --- Delegating -----------------------------------------------------------------------


def test_a_holder_passes_a_case_to_a_colleague_and_does_not_decide_it_any_more(
    now: datetime,
) -> None:
    case = make_held_case("ada", now)
    delegate_case(
        case_id=case.pk, to=person("ben").user, acting=person("ada"), now=now, reason="Knows it"
    )
    assert holder(case) == "ben"
    release_case(case_id=case.pk, acting=person("ben"), now=now)
    with pytest.raises(NotAuthorised, match="You delegated"):
        claim_case(case_id=case.pk, acting=person("ada"), now=now)
    assert claim_next(queue=case.queue, acting=person("ada"), now=now) is None


def test_a_case_is_not_delegated_in_a_circle(now: datetime) -> None:
    case = make_held_case("ada", now)
    delegate_case(case_id=case.pk, to=person("ben").user, acting=person("ada"), now=now)
    with pytest.raises(PersonUnfit, match="delegated this case"):
        delegate_case(case_id=case.pk, to=person("ada").user, acting=person("ben"), now=now)
    assert holder(case) == "ben"
    assert Delegation.objects.count() == 1


def test_nobody_delegates_to_themselves_nor_what_they_do_not_hold(now: datetime) -> None:
    case = make_held_case("ada", now)
    with pytest.raises(PersonUnfit, match="hold this case already"):
        delegate_case(case_id=case.pk, to=person("ada").user, acting=person("ada"), now=now)
    with pytest.raises(CaseHeldByOther):
        delegate_case(case_id=case.pk, to=person("cem").user, acting=person("ben"), now=now)


def test_who_asked_for_it_cannot_be_given_it(now: datetime) -> None:
    case = make_case(now, asked_by=["ben"])
    with pytest.raises(PersonUnfit, match="ben asked"):
        assign_case(case_id=case.pk, to=person("ben").user, acting=person("lea"), now=now)


# --- Absences -------------------------------------------------------------------------


def test_an_absence_hands_over_what_is_held_when_it_begins(now: datetime) -> None:
    case = make_held_case("ada", now)
    away("ada", "ben", now, start=1)
    start_due_absences(now)
    assert holder(case) == "ada"
    start_due_absences(now + DAY)
    assert holder(case) == "ben"
    assert [event.kind for event in case.events.order_by("id")][-1] == "covered"


def test_what_nobody_covers_goes_back_to_the_queue(now: datetime) -> None:
    case = make_held_case("ada", now)
    away("ada", None, now)
    assert holder(case) is None
    assert case.state == "open"


def test_covers_are_followed(now: datetime) -> None:
    case = make_case(now)
    away("ben", "cem", now)
    away("ada", "ben", now)
    assign_case(case_id=case.pk, to=person("ada").user, acting=person("lea"), now=now)
    assert holder(case) == "cem"


def test_who_is_away_without_cover_is_given_nothing(now: datetime) -> None:
    case = make_case(now)
    absence = away("ada", None, now)
    with pytest.raises(PersonAway):
        assign_case(case_id=case.pk, to=person("ada").user, acting=person("lea"), now=now)
    end_absence(absence_id=absence.pk, acting=person("ada"), now=now)
    assign_case(case_id=case.pk, to=person("ada").user, acting=person("lea"), now=now)
    assert holder(case) == "ada"


def test_nobody_covers_for_themselves_or_in_a_circle(now: datetime) -> None:
    with pytest.raises(AbsenceInvalid, match="Nobody covers for themselves"):
        away("ada", "ada", now)
    away("ada", "ben", now)
    away("ben", "cem", now)
    with pytest.raises(AbsenceInvalid, match="pass the cases back"):
        away("cem", "ada", now, start=2)
    # Where the dates do not meet there is no circle.
    away("cem", "ada", now, start=10)


def test_absences_of_one_person_do_not_overlap_and_end_after_they_start(now: datetime) -> None:
    away("ada", "ben", now)
    with pytest.raises(AbsenceInvalid, match="away then already"):
        away("ada", "cem", now, start=4)
    with pytest.raises(AbsenceInvalid, match="end after it starts"):
        away("ben", "cem", now, days=0)


def test_only_they_and_their_lead_plan_a_person_s_absence(now: datetime) -> None:
    def plan(by: str) -> None:
        plan_absence(
            person=person("ada").user, starts_at=now, ends_at=now + DAY, cover=None,
            acting=person(by), now=now,
        )  # fmt: skip

    with pytest.raises(NotAuthorised):
        plan("ben")
    plan("lea")


def test_a_started_absence_is_not_started_again(now: datetime) -> None:
    away("ada", "ben", now)
    case = make_held_case("ada", now)  # who is away may still work
    start_due_absences(now + DAY)
    assert holder(case) == "ada"


# --- Kept for who knows it --------------------------------------------------------------


def returned(now: datetime) -> Case:
    case = make_held_case("ada", now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("applicant"), now=now)
    case.refresh_from_db()
    return case


def test_a_returned_case_is_kept_for_who_worked_on_it(now: datetime) -> None:
    case = returned(now)
    with pytest.raises(CaseHeldByOther, match="kept for ada"):
        claim_case(case_id=case.pk, acting=person("ben"), now=now)
    assert claim_next(queue=case.queue, acting=person("ben"), now=now) is None
    taken = claim_next(queue=case.queue, acting=person("ada"), now=now)
    assert taken is not None
    assert taken.reserved_until is None


def test_a_returned_case_is_free_when_its_time_is_over(now: datetime) -> None:
    case = returned(now)
    later = now + timedelta(minutes=61)
    assert claim_next(queue=case.queue, acting=person("ben"), now=later) is not None


def test_a_returned_case_goes_to_who_covers(now: datetime) -> None:
    case = make_held_case("ada", now)
    request_information(case_id=case.pk, question="Which?", acting=person("ada"), now=now)
    away("ada", "ben", now)
    reply(case_id=case.pk, answer="This.", changes={}, actor=Actor.system("applicant"), now=now)
    taken = claim_next(queue=case.queue, acting=person("ben"), now=now)
    assert taken is not None


# --- Limits, skills, roles --------------------------------------------------------------


def test_nobody_holds_more_than_the_queue_allows(now: datetime) -> None:
    Queue.objects.update(work_limit=2)
    cases = [make_case(now) for _ in range(4)]
    for case in cases[:2]:
        claim_case(case_id=case.pk, acting=person("ada"), now=now)
    with pytest.raises(WorkLimitReached):
        claim_next(queue=cases[0].queue, acting=person("ada"), now=now)
    with pytest.raises(WorkLimitReached, match="ada holds 2"):
        assign_case(case_id=cases[2].pk, to=person("ada").user, acting=person("lea"), now=now)
    decide_case(
        case_id=cases[0].pk, answer=approve(), acting=person("ada"), now=now, commit_now=True
    )
    claim_case(case_id=cases[2].pk, acting=person("ada"), now=now)


def test_rules_by_skill_and_role_hold_for_claiming_and_deciding(now: datetime) -> None:
    Queue.objects.update(access={"claim": {"skills": ["mortgage"]}, "decide": {"roles": ["lead"]}})
    Reviewer.objects.create(user=person("ben").user, skills=["mortgage"])
    case = make_case(now)
    with pytest.raises(NotAuthorised, match="skill mortgage"):
        claim_case(case_id=case.pk, acting=person("ada"), now=now)
    claim_case(case_id=case.pk, acting=person("ben"), now=now)
    with pytest.raises(NotAuthorised, match="role lead"):
        decide_case(case_id=case.pk, answer=approve(), acting=person("ben"), now=now)


def test_nobody_raises_their_own_level(now: datetime) -> None:
    lea = person("lea")
    with pytest.raises(NotAuthorised):
        set_reviewer(person=lea.user, level=9, skills=[], actor=lea.actor, by=lea.user, now=now)
    set_reviewer(
        person=person("ada").user, level=2, skills=["mortgage"], actor=lea.actor, by=lea.user,
        now=now,
    )  # fmt: skip
    assert Reviewer.objects.get(user__username="ada").level == 2
