"""Inputs of many runs in one call: who gets which answer, what fails alone, and who pays."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from flows.models import Flow, Journal, Run
from flows.spending.limits import known_budgets
from flows.spending.models import Budget, Charge
from flows.steps import batching
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.many import KIND
from tests.integration.connections.model_server import Asked, ModelServer, ServerBreaks, hang_up

pytestmark = pytest.mark.django_db(transaction=True)
INPUTS = 64


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    known_budgets.forget()
    yield
    known_budgets.forget()


@pytest.fixture
def many(model: ModelServer) -> ModelServer:
    """A server that doubles each number, behind the connection ``many`` at 0.64 a call."""
    model.answer = double
    make_connection("many", kind=KIND, address=model.url, price_call="0.64")
    return model


def double(asked: Asked) -> Any:
    return {"outputs": [{"twice": 2 * each, "score": 0.9} for each in asked.body["inputs"]]}


def publish_batching(name: str = "batching", *, wait_ms: int = 2_000, **config: Any) -> Flow:
    ask = {
        "type": "model.infer", "model": "many", "input": "${ input.number }",
        "batch": {"most": INPUTS, "wait_ms": wait_ms}, **config,
    }  # fmt: skip
    return publish_flow("ask -> after", "ask.error -> failed", name=name, ask=ask)


def play(flow: Flow, count: int = INPUTS) -> list[Run]:
    runs = [start(flow, {"number": number}) for number in range(count)]
    with driving(riders=2 * INPUTS):
        return [ended(run) for run in runs]


def row_of(run: Run, kind: str = "step.finished") -> Any:
    return Journal.objects.get(run_id=run.pk, kind=kind, step="ask")


def sizes(server: ModelServer) -> list[int]:
    return [len(each.body["inputs"]) for each in server.asked]


def test_64_inputs_go_in_one_call_and_each_run_gets_its_own_answer(many: ModelServer) -> None:
    runs = play(publish_batching())
    assert sizes(many) == [INPUTS]
    for number, run in enumerate(runs):
        assert row_of(run).data["prediction"]["twice"] == 2 * number
    made = [row_of(run).provenance for run in runs]
    assert {each["batch"]["size"] for each in made} == {INPUTS}
    assert len({each["batch"]["own_key"] for each in made}) == INPUTS
    assert {each["batch"]["key"] for each in made} == {many.asked[0].headers["idempotency-key"]}
    assert sum(each["latency_ms"] for each in made) == pytest.approx(
        made[0]["batch"]["latency_ms"], abs=0.01
    )


def test_a_batch_costs_one_call_which_its_runs_share(many: ModelServer) -> None:
    play(publish_batching())
    costs = [each.cost for each in Charge.objects.all()]
    assert len(costs) == INPUTS
    assert set(costs) == {Decimal("0.01")}


def test_a_poison_input_fails_alone(many: ModelServer) -> None:
    def break_at_seven(asked: Asked) -> Any:
        if 7 in asked.body["inputs"]:
            raise ServerBreaks
        return double(asked)

    many.answer = break_at_seven
    runs = play(publish_batching())
    failed = [number for number, run in enumerate(runs) if not is_answered(run)]
    assert failed == [7]
    assert Counter(sizes(many)) == {INPUTS: 1, 1: INPUTS}
    assert row_of(runs[8]).provenance["batch"]["failed"] == "http"
    assert len(Charge.objects.all()) == INPUTS - 1, "a 500 is not paid"


def is_answered(run: Run) -> bool:
    return Journal.objects.filter(run_id=run.pk, kind="step.finished", step="after").exists()


def test_an_answer_that_cannot_be_read_is_paid_once_and_shared_by_all(many: ModelServer) -> None:
    many.answer = lambda asked: {} if len(asked.body["inputs"]) > 1 else double(asked)
    runs = play(publish_batching(), 8)
    assert all(is_answered(run) for run in runs)
    assert Counter(sizes(many)) == {8: 1, 1: 8}
    assert sum(each.cost for each in Charge.objects.all()) == Decimal("0.64") * 9


def test_one_answer_that_breaks_the_contract_fails_alone(model: ModelServer) -> None:
    model.answer = double
    schema = {"properties": {"twice": {"maximum": 13}}}
    make_connection("many", kind=KIND, address=model.url, output_schema=schema, price_call="0.8")
    runs = play(publish_batching(), 8)
    assert [is_answered(run) for run in runs] == [True] * 7 + [False]
    assert sizes(model) == [8]
    assert sum(each.cost for each in Charge.objects.all()) == Decimal("0.8")


def test_an_input_that_breaks_the_contract_is_not_sent(model: ModelServer) -> None:
    model.answer = double
    make_connection("many", kind=KIND, address=model.url, input_schema={"maximum": 6})
    runs = play(publish_batching(), 8)
    assert [is_answered(run) for run in runs] == [True] * 7 + [False]
    assert sizes(model) == [7]


def test_a_server_that_is_down_is_not_asked_for_each_input(many: ModelServer) -> None:
    many.misbehave = hang_up
    runs = play(publish_batching(), 32)
    assert not any(is_answered(run) for run in runs)
    assert len(many.asked) <= 1 + batching.TELLING + batching.ALONE_AT_ONCE


def test_runs_of_two_flows_share_no_call(many: ModelServer) -> None:
    flows = [publish_batching("one", wait_ms=500), publish_batching("other", wait_ms=500)]
    runs = [start(flow, {"number": number}) for number in range(8) for flow in flows]
    with driving(riders=2 * INPUTS):
        for run in runs:
            ended(run)
    assert sizes(many) == [8, 8]


def test_a_flow_without_the_right_gets_no_answer_from_a_batch(model: ModelServer) -> None:
    model.answer = double
    make_connection("many", kind=KIND, address=model.url, flows=["one"])
    flows = [publish_batching("one", wait_ms=500), publish_batching("other", wait_ms=500)]
    allowed, refused = (start(flow, {"number": 4}) for flow in flows)
    with driving(riders=2 * INPUTS):
        assert is_answered(ended(allowed))
        assert not is_answered(ended(refused))
    assert sizes(model) == [1]
    assert row_of(refused, "step.failed").data["kind"] == "config"


def test_inputs_with_other_parameters_share_no_call(many: ModelServer) -> None:
    flow = publish_batching(wait_ms=500, parameters={"odd": "${ input.number % 2 == 1 }"})
    play(flow, 8)
    assert sizes(many) == [4, 4]
    assert {each.body["odd"]: set(each.body["inputs"]) for each in many.asked} == {
        False: {0, 2, 4, 6},
        True: {1, 3, 5, 7},
    }


def test_a_batch_past_the_budget_is_not_sent(many: ModelServer) -> None:
    Budget.objects.create(
        payer="connection", name="many", period="day", amount="0.5", changed_at=timezone.now()
    )
    flow = publish_batching(wait_ms=300)
    play(flow, 4)
    runs = play(flow, 4)
    assert sizes(many) == [4]
    assert {row_of(run, "step.failed").data["kind"] for run in runs} == {"budget"}


def test_a_model_that_takes_one_input_is_asked_for_each(model: ModelServer) -> None:
    model.answer = {"label": "yes"}
    make_connection("many", address=model.url)
    runs = play(publish_batching(), 3)
    assert all(is_answered(run) for run in runs)
    assert len(model.asked) == 3
