"""Champion and challengers: agreement with people, counted from journals of real runs."""

from typing import Any

import pytest
from django.utils import timezone

from flows.spending.limits import known_budgets
from reviews.models import Case
from reviews.models.quality import DecisionFact
from reviews.quality.selectors.challengers import compare_models
from tests.driving import driving, start
from tests.factories.cases import approve, decide, reject
from tests.factories.connections import make_connection
from tests.factories.people import make_person, signed_in
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.integration.connections.model_server import Asked, ModelServer, serving_a_model
from tests.waiting import until
from tests.web.pages import page
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
OPTIONS = {"confidence": {"how": "field", "path": "score"}}


@pytest.fixture
def server(settings: Any) -> Any:
    with serving_a_model() as running:
        settings.OUTGOING_ALLOWLIST = [running.address]
        known_budgets.forget()
        yield running


def publish_reviewed(suggestion: str) -> Any:
    return publish_flow(
        "ask -> review", "review.approved -> done", "review.rejected -> done",
        ask={
            "type": "model.infer", "model": "champion", "input": "${ input }",
            "routing": {"shadow": ["bold", "broken"], "shadow_wait_ms": 10_000},
        },
        review={
            "type": "review.case", "queue": "underwriting", "sla": "standard", "title": "Loan",
            "confidence": "${ steps.ask.output.confidence }", "suggestion": suggestion,
        },
        done={"type": "end", "outcome": "done"},
    )  # fmt: skip


def answer(asked: Asked) -> Any:
    """Champion approves amounts below 5, the other one those below 8."""
    bound = {"/champion": 5, "/bold": 8}.get(asked.path)
    return {"good": asked.body["amount"] < bound, "score": 0.9} if bound else b"<html>"


def decide_all(flow: Any, amounts: range) -> None:
    """Have people approve amounts below 7 and reject the others."""
    for amount in amounts:
        run = start(flow, {"amount": amount})
        case = until(lambda: Case.objects.filter(run_id=run.pk).first(), "the case")  # noqa: B023
        choice = approve() if amount < 7 else reject()
        decide(case, "rita", choice, now=timezone.now())


def make_models(server: ModelServer) -> None:
    make_office(rita=Role.REVIEWER)
    server.answer = answer
    for name in ("champion", "bold", "broken"):
        address = f"http://{server.address}/{name}"
        make_connection(name, address=address, options=OPTIONS)


def test_each_model_is_compared_with_what_people_decided(
    server: ModelServer, django_assert_max_num_queries: Any
) -> None:
    make_models(server)
    flow = publish_reviewed("${ steps.ask.output.prediction.good ? 'approved' : 'rejected' }")
    with driving():
        decide_all(flow, range(10))
    with django_assert_max_num_queries(4):
        used, shadow = compare_models(DecisionFact.objects.all())
    assert (used.model, used.role, used.agreed.hits, used.agreed.count) == (
        "champion", "used", 8, 10,
    )  # fmt: skip
    assert (shadow.model, shadow.role, shadow.agreed.hits, shadow.agreed.count) == (
        "bold", "shadow", 9, 10,
    )  # fmt: skip
    assert shadow.beside is not None
    assert (shadow.beside.hits, shadow.beside.count) == (8, 10)
    interval = shadow.agreed.interval
    assert interval is not None
    assert interval.low < 0.9 < interval.high


def test_page_and_api_show_the_comparison(server: ModelServer) -> None:
    make_models(server)
    make_person("lea", Role.LEAD)
    flow = publish_reviewed("${ steps.ask.output.prediction.good ? 'approved' : 'rejected' }")
    with driving():
        decide_all(flow, range(5, 8))
    lea = signed_in("lea")
    text = page(lea, "/insights/quality/")
    assert "Champion and challengers" in text
    assert ">bold<" in text
    compared = lea.get("/api/v1/quality/figures").json()["compared"]
    assert [(each["model"], each["role"], each["agreed"]["hits"]) for each in compared] == [
        ("champion", "used", 1),
        ("bold", "shadow", 2),
    ]
    assert compared[1]["beside"]["hits"] == 1


def test_a_suggestion_that_reads_no_model_compares_nothing(server: ModelServer) -> None:
    make_models(server)
    with driving():
        decide_all(publish_reviewed("approved"), range(2))
    assert compare_models(DecisionFact.objects.all()) == []
