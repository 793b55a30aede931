"""What a language model says goes to people and into backtests as any model's answer does."""

from typing import Any

import pytest
from django.utils import timezone

from flows.backtest.models import Backtest
from reviews.models import Case
from reviews.models.quality import DecisionFact
from reviews.quality.selectors.confidence import calibrate, count_by_confidence
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.integration.backtest.kit import backtest
from tests.integration.language.test_chat import SCHEMA
from tests.language_server import LanguageServer, Turn
from tests.waiting import until
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
ASK = {
    "type": "llm.chat",
    "model": "support",
    "user": "Which team? ${ input.text }",
    "schema": SCHEMA,
    "confidence": {"how": "probabilities"},
}


def test_its_confidence_is_counted_on_the_calibration_page(server: LanguageServer) -> None:
    make_office(rita=Role.REVIEWER)
    make_connection("support", kind="openai", address=server.url, served_as="big")
    said = Turn(json={"team": "cards", "amount": 7}, probability=1.0, chances={"7": 0.85})
    server.script("gone", said)
    flow = publish_flow(
        "ask -> review",
        "review.approved -> done",
        ask=ASK,
        review={
            "type": "review.case",
            "queue": "underwriting",
            "sla": "standard",
            "title": "Ticket",
            "confidence": "${ steps.ask.output.confidence }",
            "suggestion": "approved",
        },
        done={"type": "end", "outcome": "done"},
    )
    run = start(flow, {"text": "My card is gone"})
    with driving():
        case = until(lambda: Case.objects.filter(run_id=run.pk).first(), "the case")
        decide(case, "rita", approve(), now=timezone.now())
    fact = DecisionFact.objects.get()
    assert (fact.model, fact.model_version, fact.confidence) == ("support", "big-tests-1", 0.85)
    assert fact.agreed is True
    (band,) = calibrate(count_by_confidence(DecisionFact.objects.all())).bands
    assert (band.low, band.count, band.confidence, band.rate) == (0.8, 1, 0.85, 1.0)


def record(server: LanguageServer) -> Any:
    make_connection("support", kind="openai", address=server.url, price_call="0.25")
    flow = publish_flow("ask -> done", ask=ASK, done={"type": "end", "outcome": "done"})
    runs = [start(flow, {"text": f"ticket {number}"}) for number in range(3)]
    with driving():
        for run in runs:
            ended(run)
    server.requests.clear()
    return flow


def test_a_backtest_takes_recorded_answers_and_asks_nobody(server: LanguageServer) -> None:
    flow = record(server)
    made: Backtest = backtest(flow)
    assert made.summary["runs"] == 3
    assert not server.requests


def test_a_backtest_that_asks_again_counts_its_calls(server: LanguageServer) -> None:
    flow = record(server)
    made: Backtest = backtest(flow, ask_again=True, calls_allowed=2)
    assert len(server.requests) == 2
    assert all(key.startswith("rehearsal-") for key in server.requests)
    assert made.calls_made == 2
    assert made.cost == 0.5
