"""After the commit window, a second person can have a case decided anew."""

import pytest
from django.utils import timezone

from flows.models import Run, Token
from reviews.errors import DecisionInvalid, MoveNotAllowed, NotAuthorised
from reviews.models import Case, CaseEvent
from reviews.services.reopening import find_reopening_run, reopen_case
from tests.factories.cases import approve, decide, make_case
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided() -> Case:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)
    case = make_case(timezone.now())
    decide(case, "ada", approve())
    return case


def reopen(case: Case, by: str, reason: str = "The payslip was of another person.") -> Run:
    return reopen_case(case_id=case.pk, reason=reason, acting=person(by), now=timezone.now())


def test_a_second_person_reopens_and_a_new_run_goes_on_from_the_checkpoint(decided: Case) -> None:
    run = reopen(decided, "ben")
    assert run.rerun_of_id == decided.run_id
    assert [token.step for token in Token.objects.filter(run=run)] == ["review"]
    assert Run.objects.get(pk=decided.run_id).status == "cancelled"
    assert CaseEvent.objects.get(kind="reopened").data["run"] == run.pk
    decided.refresh_from_db()
    assert (decided.state, decided.outcome) == ("decided", "approved"), "what was decided stays"


def test_who_decided_it_cannot_reopen_it(decided: Case) -> None:
    with pytest.raises(NotAuthorised, match="someone else must reopen"):
        reopen(decided, "ada")
    assert find_reopening_run(decided) is None


def test_reopening_a_case_twice_starts_one_run(decided: Case) -> None:
    assert reopen(decided, "ben").pk == reopen(decided, "ben").pk
    assert Run.objects.filter(rerun_of_id=decided.run_id).count() == 1


def test_a_case_that_still_runs_is_not_reopened(decided: Case) -> None:
    with pytest.raises(MoveNotAllowed, match="still runs"):
        reopen(make_case(timezone.now()), "ben")


def test_reopening_needs_a_reason(decided: Case) -> None:
    with pytest.raises(DecisionInvalid):
        reopen(decided, "ben", "  ")
