"""A real run meets people: driven by a real driver, decided, and ended."""

from typing import Any

import pytest
from django.utils import timezone

from flows.models import Journal
from flows.selectors import list_step_runs
from flows.services import cancel_run
from flows.services.reruns import rerun
from reviews.models import Case
from reviews.rules.answers import Answer
from reviews.services.claims import claim_case
from reviews.services.decisions import decide_case
from tests.driving import driving, ended, start
from tests.factories.cases import SHOWN, approve, reject
from tests.factories.people import ACTOR, person
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.waiting import until
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)


def loan(**config: Any) -> Any:
    review = {
        "type": "review.case",
        "queue": "underwriting",
        "sla": "standard",
        "title": "Loan over ${ input.amount } DM",
        "show": SHOWN,
        **config,
    }
    return publish_flow(
        "begin -> score",
        "score -> review",
        "review.approved -> settle",
        "review.rework -> score",
        score={"max_visits": 5},
        review=review,
        output={
            "by": "${ steps.review.output.decided_by }",
            "kind": "${ steps.review.output.kind }",
        },
    )


def case_of(run: Any, number: int = 1) -> Case:
    def newest() -> Case | None:
        cases = list(Case.objects.filter(run_id=run.pk).order_by("pk"))
        return cases[-1] if len(cases) == number else None

    return until(newest, f"case {number} of the run")  # type: ignore[no-any-return]


def test_a_run_pauses_for_a_person_is_decided_and_ends() -> None:
    flow = loan()
    with driving():
        run = start(flow, {"amount": 4200})
        case = case_of(run)
        assert (case.title, case.state) == ("Loan over 4200 DM", "open")
        decide_case(
            case_id=case.pk, answer=approve(), acting=person("ada"), now=timezone.now(),
            commit_now=True,
        )  # fmt: skip
        run = ended(run)
    assert (run.status, run.output) == ("completed", {"by": "ada", "kind": "person"})


def test_rework_opens_a_new_case_that_goes_back_to_the_same_person() -> None:
    flow = loan()
    with driving():
        run = start(flow, {"amount": 1})
        first = case_of(run)
        answer = Answer(outcome="rework", comment="Ask for the payslip.")
        decide_case(
            case_id=first.pk, answer=answer, acting=person("ben"), now=timezone.now(),
            commit_now=True,
        )  # fmt: skip
        second = case_of(run, 2)
    assert second.familiar is not None
    assert second.familiar.username == "ben"


def laundry(**review: Any) -> Any:
    """Return a flow whose branch approves whatever is at its second round."""
    return publish_flow(
        "begin -> score",
        "score -> route",
        "route.clear -> settle",
        "route.unsure -> review",
        "review.approved -> settle",
        "review.rework -> score",
        score={"max_visits": 5},
        route={
            "type": "branch",
            "cases": [{"port": "clear", "when": "has(steps.review)"}],
            "otherwise": "unsure",
        },
        review={
            "type": "review.case",
            "queue": "underwriting",
            "sla": "standard",
            "title": "Loan",
            "show": SHOWN,
            **review,
        },
        output={"route": "${ steps.route.port }", "by": "${ steps.review.output.decided_by }"},
    )


def send_back(case: Case, name: str) -> None:
    answer = Answer(outcome="rework", comment="The income was wrong.")
    decide_case(
        case_id=case.pk, answer=answer, acting=person(name), now=timezone.now(), commit_now=True
    )


def test_a_returned_case_comes_back_to_people_and_not_to_the_branchs_approval() -> None:
    flow = laundry()
    with driving():
        run = start(flow, {})
        send_back(case_of(run), "ben")
        second = case_of(run, 2)
        decide_case(
            case_id=second.pk, answer=approve(), acting=person("ben"), now=timezone.now(),
            commit_now=True,
        )  # fmt: skip
        run = ended(run)
    assert run.output == {"route": "returned", "by": "ben"}
    row = Journal.objects.get(run_id=run.pk, kind="rework.came_back")
    assert (row.step, row.port, row.data) == ("route", "clear", {"to": "review"})
    told = [each for each in list_step_runs(run) if each.step == "route"]
    assert [(each.port, len(each.attempts)) for each in told] == [("unsure", 1), ("returned", 1)]


def test_a_flow_may_let_a_returned_case_go_on_alone() -> None:
    flow = laundry(after_rework=["settle"])
    with driving():
        run = start(flow, {})
        send_back(case_of(run), "ben")
        run = ended(run)
    assert run.output == {"route": "clear", "by": "ben"}


def test_a_rerun_of_what_was_returned_comes_back_to_people_too() -> None:
    flow = laundry()
    with driving():
        run = start(flow, {})
        send_back(case_of(run), "ben")
        case_of(run, 2)
        again = rerun(run_id=run.pk, step="score", actor=ACTOR, now=timezone.now()).run
        case_of(again)
    assert Journal.objects.filter(run_id=again.pk, kind="rework.came_back").exists()


def test_cancelling_the_run_cancels_the_case() -> None:
    flow = loan()
    with driving():
        run = start(flow, {"amount": 1})
        case = case_of(run)
        claim_case(case_id=case.pk, acting=person("ada"), now=timezone.now())
        cancel_run(run_id=run.pk, reason="test", actor=ACTOR, now=timezone.now())
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_a_missing_queue_fails_the_run_with_the_remedy() -> None:
    flow = loan(queue="nowhere")
    with driving():
        run = ended(start(flow, {"amount": 1}))
    assert run.status == "failed"
    assert "There is no queue 'nowhere'" in str(run.error)
    assert not Case.objects.exists()


def test_an_outcome_without_an_edge_ends_the_run() -> None:
    flow = loan()
    with driving():
        run = start(flow, {"amount": 1})
        case = case_of(run)
        decide_case(
            case_id=case.pk, answer=reject(), acting=person("ada"), now=timezone.now(),
            commit_now=True,
        )  # fmt: skip
        assert ended(run).status == "completed"
