"""Breakers and dead letters as operators see them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import BulkAct, Run, Timer
from flows.resilience.breakers import Call, record_failure
from flows.resilience.models import Breaker
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
from workbench.audit.models import Entry
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db
PAGE = "/health/resilience/"


def open_breaker(destination: str = "svc:80") -> None:
    for _ in range(5):
        record_failure(Call(destination), "svc:80 did not answer", timezone.now())


def failed_run(flow: Any, kind: str) -> Run:
    run = make_run(flow, status="failed", error={"kind": kind, "message": "x", "step": "fee"})
    run.tokens.create(step="fee", state="failed", since=timezone.now())
    return run


def test_an_operator_sees_an_open_breaker_and_closes_it(operator: Client, auditor: Client) -> None:
    open_breaker()
    page = operator.get(PAGE).content.decode()
    assert "svc:80 did not answer" in page
    assert "Open" in page
    assert auditor.post(f"{PAGE}breakers/reset/", {"destination": "svc:80"}).status_code == 403
    operator.post(f"{PAGE}breakers/reset/", {"destination": "svc:80"})
    assert Breaker.objects.get().state == "closed"
    assert Entry.objects.filter(action="breaker.reset").count() == 1
    # A second one finds nothing to do and says nothing to the ledger.
    operator.post(f"{PAGE}breakers/reset/", {"destination": "svc:80"})
    assert Entry.objects.filter(action="breaker.reset").count() == 1


def test_failed_runs_are_grouped_and_retried_by_cause(
    operator: Client, deliver_outbox: Callable[[], int]
) -> None:
    loan, other = make_flow("loan"), make_flow("other")
    timeouts = [failed_run(loan, "timeout") for _ in range(3)]
    poison = failed_run(loan, "poison")
    elsewhere = failed_run(other, "timeout")
    assert "Retry 3" in operator.get(PAGE).content.decode()
    begun = operator.post(f"{PAGE}dead/retry/", {"kind": "timeout", "flow": "loan"})
    bulk = BulkAct.objects.get()
    assert begun.headers["Location"] == f"/runs/many/{bulk.pk}/"
    assert (bulk.act, bulk.matched, bulk.done) == ("retry", 3, 0)
    deliver_outbox()
    bulk.refresh_from_db()
    assert (bulk.status, bulk.done, bulk.refused) == ("completed", 3, 0)
    running = set(Run.objects.filter(status="running").values_list("pk", flat=True))
    assert running == {run.pk for run in timeouts}
    assert set(Run.objects.filter(status="failed").values_list("pk", flat=True)) == {
        poison.pk,
        elsewhere.pk,
    }


def test_the_api_offers_what_the_page_does(operator: Client, designer: Client) -> None:
    open_breaker()
    failed_run(make_flow("loan"), "http")
    assert operator.get("/api/v1/breakers").json()["items"][0]["state"] == "open"
    [group] = operator.get("/api/v1/dead-letters").json()["items"]
    assert (group["kind"], group["runs"]) == ("http", 1)
    retry = "/api/v1/dead-letters/retry"
    assert designer.post(retry, {}, "application/json").status_code == 403
    assert operator.post(retry, {"kind": "http"}, "application/json").json()["done"] == 1
    body = {"destination": "svc:80"}
    reset = operator.post("/api/v1/breakers/reset", body, "application/json")
    assert reset.json()["state"] == "closed"
    assert operator.post("/api/v1/breakers/reset", body, "application/json").status_code == 404


def test_what_is_held_back_and_timers_that_cannot_fire_are_shown(operator: Client) -> None:
    run = make_run(make_flow("loan"))
    due = timezone.now() + timedelta(seconds=30)
    Timer.objects.create(run=run, token_id=1, activation=1, purpose="defer", due_at=due,
                         reason="key:anna")  # fmt: skip
    Timer.objects.create(run=run, token_id=2, activation=1, purpose="wait", due_at=due,
                         reason="KeyError: 'x'", failures=4)  # fmt: skip
    page = operator.get(PAGE).content.decode()
    assert "key:anna" in page
    assert "KeyError" in page


def test_an_empty_page_says_that_all_is_well(operator: Client) -> None:
    page = operator.get(PAGE).content.decode()
    assert "Every destination responds" in page
    assert "No run has failed" in page


def test_undeliverable_messages_are_tried_again_and_the_ledger_says_so(operator: Client) -> None:
    now = timezone.now()
    times = {"due_at": now, "ring_at": now, "created_at": now}
    for job in ("a", "a", "b"):
        Outbox.objects.create(job=job, args={}, attempts=9, dead_at=now, **times)
    operator.post(f"{PAGE}jobs/revive/")
    assert not Outbox.objects.exclude(dead_at=None).exists()
    entry = Entry.objects.get(action="jobs.revived")
    assert json.loads(entry.payload.body or "") == {"messages": 3, "jobs": {"a": 2, "b": 1}}
    # Where none is dead there is nothing to tell.
    operator.post(f"{PAGE}jobs/revive/")
    assert Entry.objects.filter(action="jobs.revived").count() == 1
