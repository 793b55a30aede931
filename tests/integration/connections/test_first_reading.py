"""A process that has only begun knows no connection yet, and must not take it for missing."""

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections

from flows.connections import known
from flows.connections.known import KnownConnections
from flows.connections.models import Connection
from tests.driving import driving, ended, start
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.integration.connections.model_server import ModelServer
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 10


def test_whoever_asks_while_they_are_first_read_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    make_connection()
    fresh, found = KnownConnections(), []
    reading, released = threading.Event(), threading.Event()
    order_by = Connection.objects.order_by

    def read_slowly(*names: str) -> Any:
        reading.set()
        assert released.wait(PATIENCE_SECONDS)
        return order_by(*names)

    def find() -> None:
        found.append(fresh.find("risk") is not None)
        connections.close_all()

    monkeypatch.setattr(Connection.objects, "order_by", read_slowly)
    threads = [threading.Thread(target=find) for _ in range(2)]
    threads[0].start()
    assert reading.wait(PATIENCE_SECONDS)
    assert fresh.is_stale
    threads[1].start()
    released.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert found == [True, True]


def test_a_change_while_they_are_read_has_them_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_connection()
    fresh = KnownConnections()
    order_by = Connection.objects.order_by

    def read_and_change(*names: str) -> Any:
        rows = list(order_by(*names))
        monkeypatch.undo()
        make_connection("later")
        fresh.forget()
        return rows

    monkeypatch.setattr(Connection.objects, "order_by", read_and_change)
    assert fresh.find("risk")
    assert fresh.find("later")


def test_a_secret_is_read_once_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_connection(secret_name="risk-key")
    failed: list[Connection] = []

    def be_away_at_first(row: Connection) -> str:
        if not failed:
            failed.append(row)
            raise OperationalError("server closed the connection unexpectedly")
        return "s3cret"

    monkeypatch.setattr(known, "_read_secret", be_away_at_first)
    assert known.KnownConnection(row).read_secret() == "s3cret"


def test_a_step_waits_for_a_database_that_is_away_at_the_first_reading(
    model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_connection(address=model.url)
    order_by = Connection.objects.order_by
    failed: list[Any] = []

    def be_away_at_first(*names: str) -> Any:
        if len(failed) < 3:
            failed.append(names)
            raise OperationalError("away")
        return order_by(*names)

    flow = make_flow(
        "asking",
        input={},
        output=None,
        samples={},
        steps={
            "ask": {"type": "model.infer", "with": {"model": "risk", "input": {}}},
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        edges=["ask.done -> done"],
        layout={},
    )
    run = start(flow)
    monkeypatch.setattr(known.KNOWN, "__dict__", vars(KnownConnections()))
    monkeypatch.setattr(Connection.objects, "order_by", be_away_at_first)
    with driving():
        until(lambda: len(failed) == 3, "three failures of the database")
        ended(run)
    assert (run.status, run.error) == ("completed", None)
