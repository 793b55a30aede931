import threading
import time
from datetime import datetime

import pytest
from django.db.utils import OperationalError

from workbench.dispatch import clock, outage
from workbench.dispatch.clock import ClockTaskAlreadyRegistered, clock_task, run_clock


@pytest.fixture(autouse=True)
def no_other_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_tasks", {})


def run_for(seconds: float) -> float:
    """Run the clock for a while; return how long it took to stop.

    Asleep, not until a state: some tasks must not be called again, however long the clock runs.
    """
    stop = threading.Event()
    thread = threading.Thread(target=run_clock, args=(stop,))
    thread.start()
    time.sleep(seconds)
    asked_at = time.monotonic()
    stop.set()
    thread.join()
    return time.monotonic() - asked_at


def test_a_task_is_called_again_and_again() -> None:
    calls: list[datetime] = []
    clock_task("often", every_seconds=0.02)(calls.append)

    run_for(0.3)

    assert len(calls) >= 3


def test_a_task_that_has_more_to_do_is_called_again_at_once() -> None:
    left = [True, True, False]
    calls: list[datetime] = []

    @clock_task("batches", every_seconds=60)
    def batch(now: datetime) -> bool:
        calls.append(now)
        return left.pop(0)

    run_for(0.2)

    assert len(calls) == 3


def test_a_failing_task_goes_on_and_does_not_hold_up_others() -> None:
    calls: list[str] = []

    @clock_task("broken", every_seconds=0.01)
    def broken(now: datetime) -> None:
        calls.append("broken")
        raise RuntimeError("no")

    @clock_task("fine", every_seconds=0.01)
    def fine(now: datetime) -> None:
        calls.append("fine")

    run_for(0.3)

    assert calls.count("broken") >= 2
    assert calls.count("fine") > calls.count("broken")


def test_the_clock_stops_at_once() -> None:
    clock_task("rarely", every_seconds=3600)(lambda now: None)

    assert run_for(0.05) < 1


def test_two_clock_tasks_cannot_share_a_name() -> None:
    clock_task("one", every_seconds=1)(lambda now: None)

    with pytest.raises(ClockTaskAlreadyRegistered):
        clock_task("one", every_seconds=1)(lambda now: None)


def test_an_outage_is_a_line_when_it_begins_and_one_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends_at = time.monotonic() + 0.3

    def ask(now: datetime) -> None:
        if time.monotonic() < ends_at:
            raise OperationalError("the server closed\nthe connection")

    for name in ("one", "two", "three"):
        clock_task(name, every_seconds=0.01)(ask)

    run_for(1.2)

    begun, ended = [each for each in caplog.records if each.name == outage.__name__]
    assert "does not answer" in begun.getMessage()
    assert begun.getMessage().endswith("the server closed the connection")
    assert begun.exc_info is None
    assert "answers again after" in ended.getMessage()
