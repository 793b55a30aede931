"""Blind second reviews, and deciding before the model's answer is shown."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from flows.models import Token
from reviews.errors import CaseAlreadyDecided, FirstChoiceMissing, MoveNotAllowed, NotAuthorised
from reviews.models import Case, Queue
from reviews.models.quality import CheckState, FirstChoice, QualityCheck, QueuePolicy
from reviews.rules.choosing import is_drawn
from reviews.rules.filters import CaseFilters
from reviews.selectors.cases import get_visible_case, list_earlier_cases, list_similar_cases
from reviews.selectors.lists import list_cases
from reviews.services.claims import claim_case, claim_next
from reviews.services.committing import expire_case
from reviews.services.first_choices import record_first_choice
from reviews.services.reopening import reopen_case
from tests.factories.cases import approve, decide, give, make_case, reject
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)


def watch(**percent: float) -> None:
    queue = Queue.objects.get(name="underwriting")
    QueuePolicy.objects.create(queue=queue, changed_at=timezone.now(), **percent)


# --- Blind second review ----------------------------------------------------------


def test_a_drawn_case_is_given_to_a_second_person_and_the_run_does_not_wait(now: datetime) -> None:
    watch(second_percent=100)
    case = make_case(now)
    decide(case, "ada", approve(fields={"income": 2800}, why={"income": "misread"}), now)
    assert Token.objects.get(run_id=case.run_id).step == "settle"
    check = QualityCheck.objects.select_related("case").get()
    assert (check.kind, check.expected, check.state) == ("second", "approved", "open")
    again = check.case
    assert (again.title, again.shown, again.wait_id) == (case.title, case.shown, None)
    assert again.fields["income"] == 3000
    assert again.due_at is not None


def test_a_case_outside_the_share_has_no_second_review(now: datetime) -> None:
    watch(second_percent=0)
    decide(make_case(now), "ada", approve(), now)
    assert not QualityCheck.objects.exists()


def test_disagreement_is_recorded_and_the_run_keeps_the_first_decision(now: datetime) -> None:
    watch(second_percent=100)
    case = make_case(now)
    decide(case, "ada", approve(), now)
    again = QualityCheck.objects.get().case
    decide(again, "ben", reject(), now)
    check = QualityCheck.objects.get()
    assert (check.state, check.agreed, check.outcome) == (CheckState.SETTLED, False, "rejected")
    assert check.decided_by == person("ben").user
    assert Token.objects.get(run_id=case.run_id).step == "settle"
    found = Entry.objects.filter(subject_id=str(again.pk)).values_list("action", flat=True)
    assert "quality.check_settled" in found
    # A check is not checked again.
    assert QualityCheck.objects.count() == 1


def test_who_decided_first_is_not_given_the_second_review(now: datetime) -> None:
    watch(second_percent=100)
    case = make_case(now)
    decide(case, "ada", approve(), now)
    again = QualityCheck.objects.get().case
    assert claim_next(queue=case.queue, acting=person("ada"), now=now) is None
    with pytest.raises(NotAuthorised):
        claim_case(case_id=again.pk, acting=person("ada"), now=now)
    assert claim_next(queue=case.queue, acting=person("ben"), now=now) == again


def test_the_first_decision_is_not_there_for_who_works_on_the_second(now: datetime) -> None:
    watch(second_percent=100)
    case = make_case(now, subject="A-1")
    decide(case, "ada", approve(), now)
    again = QualityCheck.objects.get().case
    ben = person("ben")
    assert get_visible_case(case.pk, ben.user) == case
    claim_case(case_id=again.pk, acting=ben, now=now)
    with pytest.raises(Case.DoesNotExist):
        get_visible_case(case.pk, ben.user)
    decided = CaseFilters(show="decided")
    listed = list_cases(principal=ben.user, user=ben.user, filters=decided, now=now).cases
    assert case not in listed
    assert list_earlier_cases(again, person("ada")) == []
    assert list_similar_cases(again, person("ada")) == []
    assert get_visible_case(case.pk, person("lea").user) == case
    decide(again, "ben", approve(), now)
    assert get_visible_case(case.pk, ben.user) == case


def test_a_decided_check_is_not_reopened_for_it_would_run_the_original_again(
    now: datetime,
) -> None:
    watch(second_percent=100)
    decide(make_case(now), "ada", approve(), now)
    again = QualityCheck.objects.get().case
    decide(again, "ben", reject(), now)
    with pytest.raises(MoveNotAllowed):
        reopen_case(case_id=again.pk, reason="wrong", acting=person("lea"), now=now)


def test_an_expired_check_has_no_result_and_moves_no_run(now: datetime) -> None:
    watch(second_percent=100)
    case = make_case(now)
    decide(case, "ada", approve(), now)
    again = QualityCheck.objects.get().case
    expire_case(again, now)
    check = QualityCheck.objects.get()
    assert (check.state, check.agreed) == (CheckState.DROPPED, None)


# --- Which are drawn --------------------------------------------------------------


def test_the_draw_is_the_same_each_time_and_near_the_share() -> None:
    drawn = [run for run in range(20_000) if is_drawn(5, "sample", 1, run)]
    assert drawn == [run for run in range(20_000) if is_drawn(5, "sample", 1, run)]
    # Four standard deviations of a binomial with 20,000 draws at 5 %.
    assert abs(len(drawn) - 1000) < 4 * (20_000 * 0.05 * 0.95) ** 0.5
    assert set(drawn) <= {run for run in range(20_000) if is_drawn(8, "sample", 1, run)}


def test_no_case_is_drawn_at_0_percent_and_every_case_at_100() -> None:
    assert not any(is_drawn(0, run) for run in range(1000))
    assert all(is_drawn(100, run) for run in range(1000))


# --- Independent first ------------------------------------------------------------


def test_a_decision_needs_the_first_choice_and_both_are_kept(now: datetime) -> None:
    watch(independent_percent=100)
    case = make_case(now, suggestion="rejected", confidence=0.8)
    with pytest.raises(FirstChoiceMissing):
        decide(case, "ada", approve(), now)
    record_first_choice(case_id=case.pk, outcome="approved", acting=person("ada"), now=now)
    decision = decide(case, "ada", reject(), now)
    decision.refresh_from_db()
    assert decision.receipt["first_choice"] == "approved"
    assert decision.outcome == "rejected"
    assert decision.fact.first_outcome == "approved"
    assert FirstChoice.objects.get().outcome == "approved"


def test_a_first_choice_is_made_once(now: datetime) -> None:
    watch(independent_percent=100)
    case = make_case(now)
    record_first_choice(case_id=case.pk, outcome="approved", acting=person("ada"), now=now)
    with pytest.raises(CaseAlreadyDecided):
        record_first_choice(case_id=case.pk, outcome="rejected", acting=person("ada"), now=now)
    assert FirstChoice.objects.get().outcome == "approved"


# --- The fact ---------------------------------------------------------------------


def test_each_committed_decision_leaves_the_row_that_figures_are_counted_from(
    now: datetime,
) -> None:
    case = make_case(now, suggestion="approved", confidence=0.7)
    answer = reject(fields={"income": 2500}, why={"income": "misread"}, active_seconds=41)
    give(case, "ada", now - timedelta(minutes=1))
    fact = decide(case, "ada", answer, now).fact
    assert (fact.outcome, fact.suggestion, fact.agreed) == ("rejected", "approved", False)
    assert (fact.confidence, fact.corrected, fact.active_seconds) == (0.7, 1, 41)
    assert (fact.flow, fact.check_kind, fact.reviewer) == ("loan", "", person("ada").user)
