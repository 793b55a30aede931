"""A database that is away for a while: workers wait for it, and no step fails because of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error as DatabaseError
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone

from flows.runtime import clock, payloads, program
from flows.store import get_store
from tests.driving import driving, ended, start
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def failing_first(times: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as it is found when the database comes back after ``times`` calls."""
    left = [times]

    def wrapped(*args: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OperationalError("server closed the connection unexpectedly")
        return function(*args, **options)

    return wrapped


def test_a_read_before_a_step_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.runtime.execution.outputs_of", failing_first(3, payloads.outputs_of))
    copied = {"type": "transform", "output": "${ steps.a.output }"}
    joined = publish_flow(
        "a -> j", "b -> j", "j -> c", a={"give": 5}, j={"type": "join"}, c=copied,
        output={"given": "${ steps.c.output }"},
    )  # fmt: skip
    run = start(joined)
    with driving():
        ended_run = ended(run)
    assert (ended_run.status, ended_run.output) == ("completed", {"given": 5})


def test_loading_a_version_waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = publish_flow("a -> b")
    run = start(flow)
    monkeypatch.setattr("flows.runtime.driver.cached_program", lambda _: None)
    loading = failing_first(3, program.load_program)
    monkeypatch.setattr("flows.runtime.driver.load_program", loading)
    with driving():
        assert ended(run).status == "completed"


def test_a_worker_that_starts_without_the_database_works_once_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = failing_first(1, clock.take_over_from_dead_processes)
    monkeypatch.setattr("flows.runtime.driver.take_over_from_dead_processes", away)
    run = start(publish_flow("a -> b"))
    with driving() as driver:
        until(lambda: driver.worker_id, "the worker to register")
        assert ended(run).status == "completed"


def test_nobody_is_taken_for_dead_right_after_it_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    silent = get_store().register_worker("alive:1", now - timedelta(minutes=1))
    monkeypatch.setattr(clock, "_away_at", clock._away_at)
    monkeypatch.setattr(clock, "_take_over_orphans", failing_first(1, clock._take_over_orphans))
    with pytest.raises(OperationalError):
        clock.take_over(now)
    clock.take_over(now)
    assert get_store().list_workers() == [(silent, "alive:1")]
    monkeypatch.setattr(clock, "GRACE_SECONDS", 0.0)
    clock.take_over(now)
    assert get_store().list_workers() == []


def test_a_lost_connection_raises_on_the_hot_path_what_it_raises_in_django() -> None:
    connection.ensure_connection()
    connection.connection.close()
    with pytest.raises(DatabaseError):
        get_store().claim(worker_id=1, limit=1, now=timezone.now())
    connection.close()
