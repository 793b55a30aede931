"""Ways around a decision that lead through what operators and programs may do with runs."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from flows.calls.ends import handle_child_end
from flows.events.receiving import make_wait_key, receive_event
from flows.events.steps import WaitForEvent
from flows.models import Run, Wait
from flows.services import DecisionPassedOver, KeyReserved, rerun, start_run
from flows.steps.base import StepContext
from reviews.models import Case, Queue
from reviews.services.reopening import find_reopening_run
from tests.factories.cases import (
    approve,
    decide,
    make_case,
    make_review_version,
    make_waiting,
    reject,
)
from tests.factories.people import make_person, person
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)
    make_person("ops", Role.OPERATOR)


def again(case: Case, step: str, now: datetime, **more: Any) -> Run:
    return rerun(run_id=case.run_id, step=step, actor=person("ops").actor, now=now, **more).run


def test_an_operator_cannot_run_again_from_behind_a_decision_that_was_another(
    now: datetime,
) -> None:
    case = make_case(now)
    decide(case, "ada", reject())
    before = Run.objects.count()
    with pytest.raises(DecisionPassedOver, match="review"):
        again(case, "settle", now)
    assert Run.objects.count() == before


def test_an_operator_cannot_take_an_approval_for_another_input(now: datetime) -> None:
    case = make_case(now)
    decide(case, "ada", approve())
    with pytest.raises(DecisionPassedOver, match="review"):
        again(case, "settle", now, input={"amount": 1_000_000})


def test_a_key_of_the_house_cannot_be_taken_before_it(now: datetime) -> None:
    case = make_case(now)
    decide(case, "ada", reject())
    with pytest.raises(KeyReserved):
        again(case, "review", now, idempotency_key=f"reopen-case-{case.pk}")
    assert find_reopening_run(case) is None


@pytest.mark.parametrize("key", ["trigger-1-1", "run-1-2-3-0", "bulk-1-1", "reopen-case-1"])
def test_a_start_cannot_suppress_a_run_to_come_by_its_key(key: str, now: datetime) -> None:
    flow = make_review_version().flow
    given: dict[str, Any] = {"flow": flow, "input": {}, "actor": person("ops").actor, "now": now}
    version = flow.versions.get().pk
    with pytest.raises(KeyReserved):
        start_run(**given, idempotency_key=key, version_id=version, kept_version=version)
    assert not Run.objects.exists()


def test_who_sends_the_event_that_a_run_waits_for_cannot_decide_what_it_says(now: datetime) -> None:
    """The event may bring all that is decided on, such as the amount."""
    wait = make_waiting(now)
    Wait.objects.filter(pk=wait.pk).update(
        kind="event", key=make_wait_key("applied", "7"), detail={}
    )
    receive_event(
        name="applied", key="7", payload={"amount": 9}, event_id="e1", actor=person("ben").actor,
        now=now,
    )  # fmt: skip
    assert Run.objects.get(pk=wait.run_id).requested_by == [person("ben").user.pk]


def test_who_sent_an_event_before_it_was_waited_for_cannot_decide_what_it_says(
    now: datetime,
) -> None:
    receive_event(
        name="applied", key="7", payload={"amount": 9}, event_id="e1", actor=person("ben").actor,
        now=now,
    )  # fmt: skip
    wait = make_waiting(now)
    ctx = StepContext(
        run_id=wait.run_id, flow="loan", version=1, step_id="hear", token_id=wait.token_id,
        activation=1, attempt=1, input={}, bindings={}, now=now, wait_id=wait.pk,
    )  # fmt: skip
    config = {"event": "applied", "key": "7", "earlier_seconds": 60}
    WaitForEvent().open(ctx, WaitForEvent.Config.model_validate(config))
    assert Run.objects.get(pk=wait.run_id).requested_by == [person("ben").user.pk]


def test_an_approval_of_a_small_amount_does_not_count_for_a_large_one(now: datetime) -> None:
    rows = [{"up_to": 10_000, "level": 1}, {"level": 3, "approvers": 2}]
    Queue.objects.update(authority=rows)
    make_person("eva", Role.REVIEWER, level=3)
    amount = {"key": "amount", "label": "Amount", "value": 5_000, "editable": True}
    show = [{"title": "Loan", "fields": [amount]}]
    case = make_case(now, value=5_000, quorum=2, show=show)
    decide(case, "ada", approve())
    larger = approve(fields={"amount": 900_000}, why={"amount": "Misread"})
    decide(case, "eva", larger)
    case.refresh_from_db()
    assert case.state == "open", "ada, of level 1, approved 5,000"
    make_person("uma", Role.REVIEWER, level=3)
    decide(case, "uma", approve())
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("decided", "approved")


def test_an_operator_cannot_go_round_a_decision_in_a_flow_that_is_called(now: datetime) -> None:
    version = make_review_version()
    type(version.flow).objects.filter(pk=version.flow_id).update(released=version)
    flow = publish_flow(
        "a -> ask", "ask -> pay", "pay -> end", name="caller",
        ask={"type": "subflow", "flow": "loan"},
    )  # fmt: skip
    run = start_run(flow=flow, input={}, actor=person("ops").actor, now=now).run
    with pytest.raises(DecisionPassedOver, match="ask"):
        rerun(run_id=run.pk, step="pay", actor=person("ops").actor, now=now)
    assert rerun(run_id=run.pk, step="a", actor=person("ops").actor, now=now).is_new


def test_a_rerun_may_begin_where_every_way_still_leads_to_the_decision(now: datetime) -> None:
    flow = publish_flow(
        "a -> score", "score -> review", "review.approved -> pay", "pay -> end",
        "review.rework -> score", name="graded", score={"max_visits": 5},
        review={"type": "review.case", "queue": "underwriting", "sla": "standard", "title": "x"},
    )  # fmt: skip
    run = start_run(flow=flow, input={}, actor=person("ops").actor, now=now).run
    for step in ("a", "score", "review"):
        other = {"amount": 2}
        assert rerun(
            run_id=run.pk, actor=person("ops").actor, now=now, input=other, step=step
        ).is_new
    with pytest.raises(DecisionPassedOver):
        rerun(run_id=run.pk, step="pay", actor=person("ops").actor, now=now)


def test_who_sends_what_a_called_run_waits_for_cannot_decide_in_its_caller(now: datetime) -> None:
    called = publish_flow("a -> b", name="called")
    wait = make_waiting(now)
    child = start_run(flow=called, input={}, actor=person("ops").actor, now=now, asked_by=[]).run
    sent_by = [person("ben").user.pk]
    ended = {"parent_wait_id": wait.pk, "requested_by": sent_by, "status": "completed"}
    Run.objects.filter(pk=child.pk).update(**ended)
    Wait.objects.filter(pk=wait.pk).update(kind="child")
    handle_child_end({"wait": wait.pk, "run": child.pk}, now)
    assert Run.objects.get(pk=wait.run_id).requested_by == sent_by
