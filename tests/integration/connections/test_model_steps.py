"""Steps that ask a model through a connection: a run, its journal, what is refused."""

from typing import Any

import pytest

from flows.models import Journal
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer

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
