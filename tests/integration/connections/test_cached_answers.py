"""When a kept answer of a model is taken again, and when the model is asked anew."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from flows.connections.known import KNOWN
from flows.connections.models import Connection
from flows.models import Flow, Journal, Run
from flows.spending.models import Charge
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def risk(model: ModelServer) -> ModelServer:
    model.answer = {"label": "approve"}
    make_connection(address=model.url, price_call=1)
    return model


def publish_kept(name: str = "kept", **config: Any) -> Flow:
    ask = {
        "type": "model.infer", "model": "risk", "input": "${ input }",
        "cache": {"ttl_seconds": 3600}, **config,
    }  # fmt: skip
    return publish_flow("ask -> after", "ask.error -> failed", name=name, ask=ask)


def play(flow: Flow, given: Any = None) -> Run:
    run = start(flow, given or {"amount": 1})
    with driving():
        return ended(run)


def row_of(run: Run, kind: str = "step.finished") -> Any:
    return Journal.objects.get(run_id=run.pk, kind=kind, step="ask")


def change(**fields: Any) -> None:
    row = Connection.objects.get(name="risk")
    Connection.objects.update(revision=row.revision + 1, changed_at=timezone.now(), **fields)
    KNOWN.forget()


def test_a_kept_answer_costs_nothing_again_and_tells_its_age(risk: ModelServer) -> None:
    flow = publish_kept()
    first, second = play(flow), play(flow)
    assert len(risk.asked) == 1
    assert row_of(second).data == row_of(first).data
    made = row_of(second).provenance
    assert made["reused_from"] == f"{first.pk}:{row_of(first).seq}"
    age = row_of(second).at - datetime.fromisoformat(made["made_at"])
    assert 0 <= age.total_seconds() < 60
    assert (made["model"], made.get("cost")) == ("risk", None)
    assert Charge.objects.count() == 1


def test_another_input_or_other_parameters_are_asked_anew(risk: ModelServer) -> None:
    flow = publish_kept()
    play(flow)
    play(flow, {"amount": 2})
    play(publish_kept("other", parameters={"sure": True}))
    assert len(risk.asked) == 3


def test_a_connection_that_was_changed_is_asked_anew(risk: ModelServer) -> None:
    flow = publish_kept()
    play(flow)
    change(served_as="risk-8")
    assert "reused_from" not in row_of(play(flow)).provenance
    assert len(risk.asked) == 2


def test_a_change_of_a_model_that_is_fallen_back_on_counts_too(risk: ModelServer) -> None:
    make_connection("second", address=risk.url)
    flow = publish_kept(routing={"then": ["second"], "shadow": []})
    play(flow)
    play(flow)
    assert len(risk.asked) == 1
    Connection.objects.filter(name="second").update(revision=2, changed_at=timezone.now())
    KNOWN.forget()
    play(flow)
    assert len(risk.asked) == 2


def test_a_flow_that_lost_the_right_gets_no_kept_answer(risk: ModelServer) -> None:
    allowed, other = publish_kept("allowed"), publish_kept("other")
    play(allowed)
    assert "reused_from" in row_of(play(other)).provenance
    change(flows=["allowed"])
    play(allowed)
    assert row_of(play(other), "step.failed").data["kind"] == "config"
