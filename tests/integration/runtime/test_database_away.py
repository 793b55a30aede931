"""A database that is away for a while: workers wait for it, and no step fails because of it."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import Error as DatabaseError
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone

from flows.runtime import clock, payloads, program, transitions
from flows.runtime.actions import Fail
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


def test_an_outage_is_two_lines_in_the_log_of_a_worker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_away = Event()

    def as_long_as_it_is_away(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            if is_away.is_set():
                raise OperationalError("server closed the connection unexpectedly")
            return function(*args, **options)

        return wrapped

    store = get_store()
    for name in ("beat", "claim"):
        monkeypatch.setattr(store, name, as_long_as_it_is_away(getattr(store, name)))
    monkeypatch.setattr("flows.runtime.committer.commit", as_long_as_it_is_away(transitions.commit))
    run = start(publish_flow("a -> b"))
    caplog.set_level("WARNING")
    with driving() as driver:
        until(lambda: driver.worker_id, "the worker to register")
        is_away.set()
        until(lambda: "does not answer" in caplog.text, "the worker to notice")
        driver.ring()
        for _ in range(4):
            driver._beat()
        is_away.clear()
        assert ended(run).status == "completed"
        until(lambda: "answers again" in caplog.text, "the end of the outage")
    lines = [each for each in caplog.records if each.name.startswith(("workbench.", "flows."))]
    assert ["does not answer" in lines[0].getMessage(), len(lines)] == [True, 2], caplog.text
    assert not any(each.exc_info for each in lines)


def test_a_step_whose_statement_fails_by_itself_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = start(publish_flow("a -> b", name="bad")), start(publish_flow("a -> b"))
    cause = sqlite3.OperationalError("no such function: f")
    cause.sqlite_errorcode = sqlite3.SQLITE_ERROR
    commit = transitions.commit

    def fail_for_one(items: Any, worker_id: int) -> Any:
        if any(item.claim.run_id == bad.pk and not isinstance(item.action, Fail) for item in items):
            raise OperationalError("no such function: f") from cause
        return commit(items, worker_id)

    monkeypatch.setattr("flows.runtime.committer.commit", fail_for_one)
    with driving():
        assert ended(good).status == "completed"
        assert ended(bad).status == "failed"
