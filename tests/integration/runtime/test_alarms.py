"""Timers that fall due together are fired together, and each as if it were alone."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.models import Flow, Run, Timer, Token, Wait
from flows.runtime.clock import fire_timers
from flows.services import pause_run, resume_run
from tests.driving import driving, ended, journal, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR = {"type": "wait", "seconds": 3600}


def waiting(flow: Flow, runs: int, timers: int = 1) -> list[Run]:
    """Start runs and return when their timers, so many for each, are set."""
    started = [start(flow) for _ in range(runs)]
    with driving():
        until(lambda: Timer.objects.count() == runs * timers, "the timers")
    return started


def later() -> datetime:
    return timezone.now() + timedelta(hours=2)


def test_each_run_goes_on_once_with_a_journal_without_a_gap() -> None:
    runs = waiting(publish_flow("a -> b", a=AN_HOUR), 3)
    now = later()
    fire_timers(now)
    assert not Timer.objects.exists()
    assert [wait.resolved_at for wait in Wait.objects.all()] == [now] * 3
    assert set(Token.objects.values_list("step", "via", "state", "activation", "attempt")) == {
        ("b", "a.done", "ready", 2, 1)
    }
    with driving():
        ended_runs = [ended(run) for run in runs]
    assert {run.status for run in ended_runs} == {"completed"}
    for run in ended_runs:
        assert journal(run) == [
            "run.started", "step.waiting a", "step.finished a", "step.finished b", "run.completed",
        ]  # fmt: skip
    [row] = ended_runs[0].journal.filter(kind="step.finished", step="a")
    assert (row.port, row.data, row.at) == ("done", {"at": now.isoformat()}, now)


def test_a_paused_run_is_moved_on_and_held() -> None:
    [run, other] = waiting(publish_flow("a -> b", a=AN_HOUR), 2)
    pause_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    fire_timers(later())
    assert Token.objects.get(run=run).state == "held"
    assert Token.objects.get(run=other).state == "ready"
    resume_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    with driving():
        assert ended(run).status == "completed"


def test_a_wait_before_a_join_is_planned_as_before() -> None:
    flow = publish_flow(
        "s -> a", "s -> b", "a -> j", "b -> j", a=AN_HOUR, b=AN_HOUR, j={"type": "join"}
    )
    [run] = waiting(flow, 1, timers=2)
    fire_timers(later())
    with driving():
        assert ended(run).status == "completed"
    assert journal(run).count("join.fired j") == 1


def test_of_a_wait_and_its_time_out_in_one_batch_only_the_earlier_counts() -> None:
    flow = publish_flow("a -> b", "a.error -> c", a={**AN_HOUR, "timeout_seconds": 60})
    [run] = waiting(flow, 1, timers=2)
    fire_timers(later())
    with driving():
        ended(run)
    assert "step.finished c" in journal(run)
    assert "step.finished b" not in journal(run)
    assert not Timer.objects.exists()


def test_a_timer_whose_wait_is_over_moves_nothing() -> None:
    [run] = waiting(publish_flow("a -> b", a=AN_HOUR), 1)
    Wait.objects.update(state="cancelled")
    fire_timers(later())
    assert Token.objects.get(run=run).step == "a"
    assert not Timer.objects.exists()


def test_fifty_timers_take_as_many_statements_as_five() -> None:
    flow = publish_flow("a -> b", a=AN_HOUR)

    def statements(runs: int) -> int:
        waiting(flow, runs)
        with CaptureQueriesContext(connection) as queries:
            fire_timers(later())
        return len(queries)

    assert statements(5) == statements(50)
