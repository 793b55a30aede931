"""Events and the runs that wait for them, in either order and at the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.events.receiving import receive_event
from flows.models import Event, Run, Wait
from tests.driving import driving, ended, journal, start
from tests.factories import probes
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.racing import at_once
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(**config: Any) -> Any:
    step = {"type": "event.wait", "event": "paid", "key": "${ input.order }", **config}
    edges = ["w -> z", "w.late -> late"] if "within_seconds" in config else ["w -> z"]
    return publish_flow(*edges, w=step, output={"got": "${ steps.w.output }"})


def happen(key: str = "o1", event_id: str = "e1", name: str = "paid", **more: Any) -> list[int]:
    given = {"payload": {"sum": 3}, "now": timezone.now(), **more}
    return receive_event(name=name, key=key, event_id=event_id, actor=ACTOR, **given)


def until_it_waits(run: Run, count: int = 1) -> None:
    until(lambda: Wait.objects.filter(run=run, state="open").count() == count, "the wait")


def test_an_event_resumes_the_runs_that_wait_for_its_key() -> None:
    flow = waiting()
    with driving():
        one, twin, other = (start(flow, {"order": order}) for order in ("o1", "o1", "o2"))
        for run in (one, twin, other):
            until_it_waits(run)
        assert happen() == [one.pk, twin.pk]
        assert ended(one).output == {"got": {"event": "paid", "key": "o1", "payload": {"sum": 3}}}
        assert ended(twin).status == "completed"
        assert Run.objects.get(pk=other.pk).status == "running"


def test_an_event_of_another_name_or_key_resumes_nothing() -> None:
    flow = waiting()
    with driving():
        run = start(flow, {"order": "o1"})
        until_it_waits(run)
        assert happen("o2", "e1") == happen("o1", "e2", "refunded") == []
    assert Run.objects.get(pk=run.pk).status == "running"


def test_names_and_keys_that_join_alike_are_told_apart() -> None:
    flow = waiting(event="paid:eu", key="o1")
    with driving():
        run = start(flow)
        until_it_waits(run)
        assert happen("eu:o1", "e1", "paid") == []
        assert happen("o1", "e2", "paid:eu") == [run.pk]
        assert ended(run).status == "completed"


def test_an_event_that_an_earlier_release_kept_is_not_received_again() -> None:
    happen("o1", "a#b#c")
    happen("o1", "sha256:1", former_id="a#b#c")
    assert Event.objects.count() == 1
    happen("o1", "sha256:2", former_id="a#b#c", payload={"sum": 4})
    assert Event.objects.count() == 2


def test_long_keys_are_told_apart() -> None:
    flow = waiting()
    with driving():
        run = start(flow, {"order": "k" * 199 + "a"})
        until_it_waits(run)
        assert happen("k" * 199 + "b", "e1") == []
        assert happen("k" * 199 + "a", "e2") == [run.pk]
        assert ended(run).status == "completed"


@pytest.mark.parametrize(
    ("earlier", "age", "counts"), [(0, 1, False), (60, 1, True), (60, 120, False)]
)
def test_an_event_before_the_wait_counts_as_far_back_as_the_step_says(
    earlier: float, age: float, counts: bool
) -> None:
    happen(now=timezone.now() - timedelta(seconds=age))
    flow = waiting(earlier_seconds=earlier)
    with driving():
        run = start(flow, {"order": "o1"})
        if counts:
            assert ended(run).output["got"]["payload"] == {"sum": 3}
            assert "step.waiting w" not in journal(run)
            assert Wait.objects.get(run=run).state == "resolved"
        else:
            until_it_waits(run)


def test_an_event_that_comes_twice_changes_nothing_the_second_time() -> None:
    flow = waiting()
    with driving():
        first = start(flow, {"order": "o1"})
        until_it_waits(first)
        assert happen() == [first.pk]
        ended(first)
        second = start(flow, {"order": "o1"})
        until_it_waits(second)
        assert happen() == []
        assert Run.objects.get(pk=second.pk).status == "running"
    assert Event.objects.count() == 1


def test_a_run_that_has_waited_long_enough_leaves_by_late() -> None:
    with driving():
        run = ended(start(waiting(within_seconds=0.1), {"order": "o1"}))
        assert (run.status, dict(probes.calls)) == ("completed", {"late": 1})
        assert happen() == []


def test_an_event_in_time_is_not_late() -> None:
    with driving():
        run = start(waiting(within_seconds=60), {"order": "o1"})
        until_it_waits(run)
        happen()
        assert (ended(run).status, dict(probes.calls)) == ("completed", {"z": 1})


def test_what_a_run_emits_resumes_another_once() -> None:
    emitter = publish_flow(
        "e -> z",
        e={"type": "event.emit", "event": "paid", "key": "o1", "payload": {"by": "${ run.flow }"}},
        name="emitter",
    )
    flow = waiting()
    with driving():
        run = start(flow, {"order": "o1"})
        until_it_waits(run)
        assert ended(start(emitter)).status == "completed"
        assert ended(run).output["got"]["payload"] == {"by": "emitter"}
    assert Event.objects.count() == 1


def test_a_run_may_emit_to_itself() -> None:
    flow = publish_flow(
        "s -> w", "s -> e", "w -> z",
        w={"type": "event.wait", "event": "ping", "earlier_seconds": 60},
        e={"type": "event.emit", "event": "ping"},
    )  # fmt: skip
    with driving():
        assert ended(start(flow)).status == "completed"
    assert probes.calls["z"] == 1


def test_an_event_for_a_paused_run_is_kept_until_it_goes_on() -> None:
    from flows.services import pause_run, resume_run

    with driving():
        run = start(waiting(), {"order": "o1"})
        until_it_waits(run)
        pause_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        assert happen() == [run.pk]
        assert probes.calls["z"] == 0
        resume_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        assert ended(run).status == "completed"


def _together(*acts: Callable[[], Any]) -> list[Any]:
    return at_once(lambda number: acts[number](), len(acts))


def test_an_event_and_a_wait_at_the_same_moment_never_miss_one_another() -> None:
    flow = waiting(earlier_seconds=60)
    runs = []
    with driving():
        for n in range(20):
            order = f"o{n}"
            _together(
                lambda order=order: runs.append(start(flow, {"order": order})),
                lambda order=order: happen(order, f"e-{order}"),
            )
        for run in runs:
            assert ended(run).status == "completed"
    assert probes.calls["z"] == 20


def test_two_events_at_the_same_moment_resume_a_run_once() -> None:
    flow = waiting()
    with driving():
        for n in range(10):
            run = start(flow, {"order": f"o{n}"})
            until_it_waits(run)
            _together(lambda n=n: happen(f"o{n}", f"a{n}"), lambda n=n: happen(f"o{n}", f"b{n}"))
            assert ended(run).status == "completed"
            assert journal(run).count("step.finished w") == 1
    assert probes.calls["z"] == 10


def test_one_event_twice_at_the_same_moment_is_one_event() -> None:
    flow = waiting()
    with driving():
        run = start(flow, {"order": "o1"})
        until_it_waits(run)
        resumed: list[list[int]] = []
        _together(*[lambda: resumed.append(happen())] * 4)
        assert sorted(resumed) == [[], [], [], [run.pk]]
        ended(run)


def test_the_deadline_and_the_event_at_the_same_moment_leave_by_one_port() -> None:
    flow = waiting(within_seconds=0.15)
    with driving():
        for n in range(10):
            run = start(flow, {"order": f"o{n}"})
            until_it_waits(run)
            threading.Event().wait(0.05)
            happen(f"o{n}", f"e{n}")
            ended(run)
            assert journal(run).count("step.finished w") == 1
    assert probes.calls["z"] + probes.calls["late"] == 10
