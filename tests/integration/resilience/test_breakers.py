"""A destination that is down is left alone, and asked again by one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.models import Journal
from flows.resilience import breakers, gate
from flows.resilience.errors import Deferred
from flows.resilience.models import Breaker
from flows.services import pause_run, resume_run
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.resilience import remote
from tests.racing import at_once
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick_breakers(settings: Any) -> Iterator[None]:
    settings.BREAKER_FAILURES, settings.BREAKER_PAUSE_SECONDS = 3, 0.5
    remote.reset()
    gate.view.forget()
    yield
    gate.view.forget()


def opened(destination: str = "svc:80", at: datetime = NOW) -> Breaker:
    for _ in range(3):
        breakers.record_failure(breakers.Call(destination), "no answer", at)
    return Breaker.objects.get(destination=destination)


def test_failures_in_a_row_open_the_breaker_and_a_success_resets_the_count(settings: Any) -> None:
    call = breakers.Call("svc:80")
    breakers.record_failure(call, "no answer", NOW)
    breakers.record_failure(call, "no answer", NOW)
    breakers.record_success(call)
    breakers.record_failure(call, "no answer", NOW)
    assert Breaker.objects.get().state == "closed"
    row = opened()
    assert (row.state, row.retry_at) == ("open", NOW + timedelta(seconds=0.5))
    with pytest.raises(Deferred, match="svc:80 failed 3 times"):
        breakers.admit("svc:80", NOW)


def test_failures_far_apart_do_not_open_the_breaker() -> None:
    for minutes in range(6):
        breakers.record_failure(breakers.Call("svc:80"), "x", NOW + timedelta(minutes=2 * minutes))
    assert Breaker.objects.get().state == "closed"


def test_a_failed_probe_doubles_the_pause_and_a_good_one_closes_it() -> None:
    opened()
    probe = breakers.admit("svc:80", NOW + timedelta(seconds=1))
    assert probe.is_probe
    # What was under way when it opened says nothing new.
    breakers.record_failure(breakers.Call("svc:80"), "late", NOW + timedelta(seconds=1))
    breakers.record_success(breakers.Call("svc:80"))
    assert Breaker.objects.get().state == "half_open"
    breakers.record_failure(probe, "still down", NOW + timedelta(seconds=1))
    row = Breaker.objects.get()
    assert (row.state, row.retry_at) == ("open", NOW + timedelta(seconds=2))
    probe = breakers.admit("svc:80", NOW + timedelta(seconds=2))
    breakers.record_success(probe)
    assert Breaker.objects.get().state == "closed"
    assert not breakers.admit("svc:80", NOW + timedelta(seconds=2)).is_probe


def test_a_probe_that_never_came_back_is_replaced() -> None:
    opened()
    assert breakers.admit("svc:80", NOW + timedelta(seconds=1)).is_probe
    with pytest.raises(Deferred):
        breakers.admit("svc:80", NOW + timedelta(seconds=30))
    assert breakers.admit("svc:80", NOW + timedelta(seconds=62)).is_probe


def test_of_many_that_come_at_once_one_is_the_probe() -> None:
    opened()

    def ask(_: int) -> bool:
        try:
            return breakers.admit("svc:80", NOW + timedelta(seconds=1)).is_probe
        except Deferred:
            return False

    assert sorted(at_once(ask, 6)) == [False] * 5 + [True]


def test_an_open_breaker_defers_steps_without_using_up_an_attempt() -> None:
    retry = {"max_attempts": 5, "initial_seconds": 0.01, "jitter": 0}
    flow = publish_flow("a -> b", a={"type": "test.remote", "host": "svc:80", "retry": retry})
    remote.down.add("svc:80")
    first = start(flow)
    with driving():
        until(lambda: Breaker.objects.filter(state="open").first(), "the breaker to open")
        others = [start(flow) for _ in range(5)]
        kinds = Journal.objects.filter(kind="step.deferred")
        until(lambda: kinds.filter(run_id__in=[run.pk for run in others]).count() == 5, "deferrals")
        remote.down.clear()
        for run in [first, *others]:
            assert ended(run).status == "completed"
    attempts = Journal.objects.filter(kind="step.finished", step="a").values_list("run", "attempt")
    assert {attempt for run, attempt in attempts if run != first.pk} == {1}
    assert Breaker.objects.get().state == "closed"


def test_a_retry_deadline_ends_the_wait_for_a_breaker_by_the_error_port(settings: Any) -> None:
    settings.BREAKER_PAUSE_SECONDS = 50
    retry = {"max_attempts": 9, "deadline_seconds": 5}
    flow = publish_flow(
        "a -> b", "a.error -> c",
        a={"type": "test.remote", "host": "svc:80", "retry": retry},
    )  # fmt: skip
    opened(at=datetime.now(UTC))
    with driving():
        run = ended(start(flow))
    assert run.status == "completed"
    failed = Journal.objects.get(run=run, kind="step.failed")
    assert (failed.data["kind"], failed.port) == ("breaker", "error")
    assert remote.calls_to("svc:80") == []


def test_a_step_s_own_error_does_not_open_the_breaker() -> None:
    flow = publish_flow("a -> b", a={"type": "test.remote", "host": "svc:80", "kind": "contract"})
    remote.down.add("svc:80")
    with driving():
        runs = [start(flow) for _ in range(5)]
        assert {ended(run).status for run in runs} == {"failed"}
    assert not Breaker.objects.exists()


def test_a_deferred_step_of_a_paused_run_waits_for_its_resumption(settings: Any) -> None:
    settings.BREAKER_PAUSE_SECONDS = 1
    flow = publish_flow("a -> b", a={"type": "test.remote", "host": "svc:80"})
    opened(at=datetime.now(UTC))
    run = start(flow)
    with driving():
        until(lambda: Journal.objects.filter(run=run, kind="step.deferred").first(), "deferral")
        pause_run(run_id=run.pk, actor=ACTOR, now=datetime.now(UTC))
        until(lambda: run.tokens.filter(state="held").first(), "the hold")
        assert remote.calls_to("svc:80") == []
        resume_run(run_id=run.pk, actor=ACTOR, now=datetime.now(UTC))
        assert ended(run).status == "completed"
