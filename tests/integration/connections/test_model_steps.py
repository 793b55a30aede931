"""Steps that ask a model through a connection: a run, its journal, what is refused."""

import threading
import time
from typing import Any

import pytest

from flows.models import Journal
from flows.resilience.models import Breaker
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer, hang_up

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER = {"label": "approve", "score": 0.93, "model_version": "2026-03"}
OPTIONS = {
    "confidence": {"how": "field", "path": "score"},
    "version_at": "model_version",
}


def asking(**step: Any) -> Any:
    given = {"type": "model.infer", "model": "risk", "input": {"amount": 1200}, **step}
    return publish_flow("ask -> after", ask=given)


def provenance_of(run: Any) -> dict[str, Any]:
    row = Journal.objects.get(run_id=run.pk, kind="step.finished", step="ask")
    return dict(row.provenance or {})


def test_a_step_asks_the_server_and_journals_who_answered(model: ModelServer) -> None:
    model.answer = ANSWER
    make_connection(address=model.url, options=OPTIONS, served_as="risk-7")
    run = start(asking())
    with driving():
        ended(run)
    assert run.status == "completed", run.error
    assert [(each.method, each.path, each.body) for each in model.asked] == [
        ("POST", "/predict", {"amount": 1200})
    ]
    made = provenance_of(run)
    assert (made["provider"], made["model"], made["version"], made["served_as"]) == (
        "connection", "risk", "2026-03", "risk-7",
    )  # fmt: skip
    assert made["latency_ms"] > 0
    assert made["cost"] is None


@pytest.mark.parametrize(
    "name",
    ["X-Request-Id", "request-id", "X-BentoML-Request-ID", "x-amzn-RequestId", "traceparent"],
)
def test_the_request_id_is_read_from_the_headers(model: ModelServer, name: str) -> None:
    model.answer, model.headers = ANSWER, {name: "r-17"}
    make_connection(address=model.url, options=OPTIONS)
    run = start(asking())
    with driving():
        ended(run)
    assert provenance_of(run)["request_id"] == "r-17"


def test_a_request_id_of_the_body_comes_before_that_of_the_headers(model: ModelServer) -> None:
    model.answer = {**ANSWER, "id": "b-3"}
    model.headers = {"X-Request-Id": "r-17"}
    make_connection(address=model.url, options={**OPTIONS, "request_id_at": "id"})
    run = start(asking())
    with driving():
        ended(run)
    assert provenance_of(run)["request_id"] == "b-3"


@pytest.mark.parametrize(("given", "kept"), [("r" * 5_000, "r" * 200), ("r\t\x01", ""), (" ", "")])
def test_a_strange_request_id_is_cut_or_left_out(model: ModelServer, given: str, kept: str) -> None:
    model.answer, model.headers = ANSWER, {"X-Request-Id": given}
    make_connection(address=model.url, options=OPTIONS)
    run = start(asking())
    with driving():
        ended(run)
    assert provenance_of(run).get("request_id", "") == kept


def test_an_unfit_answer_is_kept_with_the_id_of_its_headers(model: ModelServer) -> None:
    model.answer, model.headers = {"score": "high"}, {"X-Request-Id": "r-18"}
    make_connection(address=model.url, options=OPTIONS)
    run = start(asking())
    with driving():
        ended(run)
    row = Journal.objects.get(run_id=run.pk, kind="step.failed", step="ask")
    assert row.provenance["request_id"] == "r-18"


def test_prices_are_counted_and_the_default_parameters_recorded(model: ModelServer) -> None:
    model.answer = ANSWER
    make_connection(address=model.url, price_call=0.25, price_second=0.5, parameters={"cut": 1})
    run = start(asking(parameters={"seed": 7}))
    with driving():
        ended(run)
    made = provenance_of(run)
    # The latency is kept rounded, the cost is that of the time itself.
    assert made["cost"] == pytest.approx(0.25 + 0.5 * made["latency_ms"] / 1000, abs=2e-6)
    assert made["parameters"] == {"cut": 1, "seed": 7}


def test_a_flow_without_the_right_fails_and_asks_nothing(model: ModelServer) -> None:
    make_connection(address=model.url, flows=["other"])
    run = start(asking())
    with driving():
        ended(run)
    assert run.status == "failed"
    assert run.error["kind"] == "config"
    assert "may not use the connection risk" in run.error["message"]
    assert model.asked == []


def test_a_connection_that_was_turned_off_says_so(model: ModelServer) -> None:
    make_connection(address=model.url, enabled=False)
    run = start(asking())
    with driving():
        ended(run)
    assert "The connection risk is turned off." in run.error["message"]
    assert model.asked == []


def test_calls_of_a_connection_share_its_limit(model: ModelServer) -> None:
    """With one call at once, four runs never have two under way."""
    under_way, most, lock = [0], [0], threading.Lock()

    def answer(_: Any) -> Any:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.05)
        with lock:
            under_way[0] -= 1
        return ANSWER

    model.answer = answer
    make_connection(address=model.url, concurrency=1)
    flow = asking()
    runs = [start(flow) for _ in range(4)]
    with driving():
        for run in runs:
            ended(run)
    assert {run.status for run in runs} == {"completed"}
    assert (len(model.asked), most[0]) == (4, 1)


def test_a_connection_that_is_down_opens_a_breaker_of_its_own(
    model: ModelServer, settings: Any
) -> None:
    settings.BREAKER_FAILURES, settings.BREAKER_PAUSE_SECONDS = 2, 60
    model.misbehave = hang_up
    make_connection(address=model.url)
    retry = {"max_attempts": 2, "initial_seconds": 0.01, "jitter": 0}
    run = start(asking(retry=retry))
    with driving():
        ended(run)
    assert run.error["kind"] == "connection"
    row = Breaker.objects.get(destination="connection:risk")
    assert row.state == "open"
    assert "cannot be reached, or broke off" in row.last_error


def test_an_unfit_answer_fails_for_good_and_names_field_and_value(model: ModelServer) -> None:
    model.answer = {"score": "high"}
    contract = {"type": "object", "properties": {"score": {"type": "number"}}}
    make_connection(address=model.url, output_schema=contract)
    retry = {"max_attempts": 3, "initial_seconds": 0.01, "jitter": 0}
    run = start(asking(retry=retry))
    with driving():
        ended(run)
    assert run.error["kind"] == "contract"
    assert '`score` "high" is not of type "number"' in run.error["message"]
    assert len(model.asked) == 1


def test_an_unfit_input_is_not_sent(model: ModelServer) -> None:
    contract = {"type": "object", "properties": {"amount": {"type": "string"}}}
    make_connection(address=model.url, input_schema=contract)
    run = start(asking())
    with driving():
        ended(run)
    assert run.error["detail"]["errors"] == [
        {"field": "amount", "message": '1200 is not of type "string"'}
    ]
    assert model.asked == []
