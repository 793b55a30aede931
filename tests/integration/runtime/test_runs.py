"""Runs driven by a real driver on a real database."""

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Journal, Timer, Token, Wait
from flows.services import (
    RunNotFailed,
    cancel_run,
    pause_run,
    resolve_wait,
    resume_run,
    retry_run,
    start_runs,
)
from flows.services.starting import NewRun
from tests.driving import driving, ended, journal, start
from tests.factories import probes
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def resolve(wait: Wait, port: str = "done", output: Any = None) -> None:
    with transaction.atomic():
        resolve_wait(wait_id=wait.pk, port=port, output=output, now=timezone.now(), actor=ACTOR)


def open_wait(run: Any) -> Wait:
    wait: Wait = until(lambda: Wait.objects.filter(run=run, state="open").first(), "a wait")
    return wait


def test_a_sequence_runs_to_its_end_and_tells_its_journal() -> None:
    flow = publish_flow(
        "a -> b", "b -> c", a={"give": {"n": 1}}, output={"n": "${ steps.a.output.n }"}
    )
    with driving():
        run = ended(start(flow))
    assert (run.status, run.output) == ("completed", {"n": 1})
    assert journal(run) == [
        "run.started",
        "step.finished a",
        "step.finished b",
        "step.finished c",
        "run.completed",
    ]
    assert not Token.objects.filter(run=run).exists()


def test_a_later_step_reads_what_an_earlier_one_gave() -> None:
    flow = publish_flow(
        "a -> b",
        a={"give": {"n": 20}},
        b={"type": "transform", "output": {"sum": "${ steps.a.output.n + input.n }"}},
        output={"sum": "${ steps.b.output.sum }"},
    )
    with driving():
        run = ended(start(flow, {"n": 22}))
    assert run.output == {"sum": 42}


def test_parallel_branches_meet_at_a_join() -> None:
    flow = publish_flow(
        "a -> b", "a -> c", "a -> d", "b -> j", "c -> j", "d -> j", "j -> z",
        b={"sleep": 0.05, "give": 1}, c={"give": 2}, d={"sleep": 0.02, "give": 3},
        j={"type": "join"},
        z={"type": "transform", "output": "${ [steps.b.output, steps.c.output, steps.d.output] }"},
        output={"all": "${ steps.z.output }"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert run.output == {"all": [1, 2, 3]}
    assert all(count == 1 for count in probes.calls.values())


def test_a_failed_attempt_is_retried_and_keeps_its_idempotency_key() -> None:
    flow = publish_flow(
        "a -> b", a={"fail_times": 2, "retry": {"max_attempts": 3, "initial_seconds": 0.05}}
    )
    with driving():
        run = ended(start(flow))
    assert run.status == "completed"
    assert journal(run)[1:4] == ["step.retrying a", "step.retrying a", "step.finished a"]
    assert [n for key, n in probes.effects.items() if n > 1] == [3]


def test_used_up_retries_fail_the_run_with_its_cause() -> None:
    flow = publish_flow(
        "a -> b", a={"fail_times": 9, "retry": {"max_attempts": 2, "initial_seconds": 0.01}}
    )
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert (run.error["step"], run.error["kind"], run.error["message"]) == (
        "a",
        "asked",
        "as asked",
    )
    assert Token.objects.get(run=run).state == "failed"


def test_a_fatal_failure_is_not_retried() -> None:
    flow = publish_flow("a -> b", a={"fail_times": 9, "fatal": True, "retry": {"max_attempts": 5}})
    with driving():
        run = ended(start(flow))
    assert (run.status, probes.calls["a"]) == ("failed", 1)


def test_the_error_port_takes_a_failure() -> None:
    flow = publish_flow("a -> b", "a.error -> c", a={"fail_times": 9})
    with driving():
        run = ended(start(flow))
    assert run.status == "completed"
    assert journal(run)[1:3] == ["step.failed a", "step.finished c"]


def test_a_step_that_takes_too_long_fails_as_a_timeout() -> None:
    flow = publish_flow("a -> b", a={"sleep": 0.5, "timeout_seconds": 0.05})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "timeout")


def test_a_loop_ends_at_its_limit() -> None:
    flow = publish_flow(
        "s -> a", "a.again -> a", "a.limit -> z", a={"port": "again", "max_visits": 3}
    )
    with driving():
        run = ended(start(flow))
    assert (run.status, probes.calls["a"], probes.calls["z"]) == ("completed", 3, 1)


def test_a_wait_for_a_time_ends_by_itself() -> None:
    flow = publish_flow("a -> b", a={"type": "wait", "seconds": 0.1})
    with driving():
        run = ended(start(flow))
    assert run.status == "completed"
    assert not Timer.objects.exists()


def test_a_resolved_wait_lets_the_run_go_on_by_its_port() -> None:
    flow = publish_flow(
        "g.yes -> y", "g.no -> n", g={"type": "test.gate"}, output={"by": "${ steps.g.output.by }"}
    )
    with driving():
        run = start(flow)
        resolve(open_wait(run), "no", {"by": "me"})
        run = ended(run)
    assert (run.output, probes.calls) == ({"by": "me"}, {"n": 1})


def test_a_wait_is_resolved_once() -> None:
    flow = publish_flow("g -> y", g={"type": "test.gate"})
    with driving():
        run = start(flow)
        wait = open_wait(run)
        resolve(wait)
        with pytest.raises(WaitAlreadyResolved):
            resolve(wait)
        ended(run)
    assert probes.calls["y"] == 1


def test_a_wait_that_cannot_open_fails_its_step_and_leaves_no_wait() -> None:
    flow = publish_flow("g -> y", g={"type": "test.gate", "broken": True})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["message"]) == ("failed", "The gate is broken.")
    assert not Wait.objects.exists()


def test_a_wait_with_a_timeout_leaves_by_the_error_port() -> None:
    flow = publish_flow("g -> y", "g.error -> z", g={"type": "test.gate", "timeout_seconds": 0.1})
    with driving():
        run = ended(start(flow))
    assert (run.status, probes.calls) == ("completed", {"z": 1})
    assert Wait.objects.get(run=run).state == "cancelled"


def test_a_cancelled_run_closes_its_waits_and_takes_no_late_result() -> None:
    flow = publish_flow("s -> g", "s -> slow", g={"type": "test.gate"}, slow={"sleep": 0.4})
    with driving():
        run = start(flow)
        wait = open_wait(run)
        until(lambda: probes.calls["slow"], "the slow step")
        cancel_run(run_id=run.pk, reason="no longer wanted", actor=ACTOR, now=timezone.now())
        with pytest.raises(RunNotActive):
            cancel_run(run_id=run.pk, reason="again", actor=ACTOR, now=timezone.now())
        with pytest.raises(WaitAlreadyResolved):
            resolve(wait)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "step.finished slow" not in journal(run)
    assert probes.Gate.cancelled[-1:] == [wait.pk]
    assert not Token.objects.exists()


def test_a_failed_run_goes_on_from_where_it_failed() -> None:
    flow = publish_flow("a -> b", b={"fail_times": 1, "fatal": True})
    with driving():
        run = ended(start(flow))
        assert run.status == "failed"
        Journal.objects.filter(run_id=run.pk).exists()
        flow.released.document["steps"]["b"]["with"] = {}
        with pytest.raises(RunNotFailed):
            retry_run(
                run_id=start(publish_flow("x -> y", name="other")).pk,
                actor=ACTOR,
                now=timezone.now(),
            )
        retry_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        until(lambda: probes.calls["b"] == 2, "the second try")
        run = ended(run)
    assert probes.calls["a"] == 1


def test_a_paused_run_keeps_what_was_finished_and_goes_on_when_resumed() -> None:
    flow = publish_flow("a -> b", a={"sleep": 0.3})
    with driving():
        run = start(flow)
        until(lambda: probes.calls["a"], "the first step")
        pause_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        until(lambda: Token.objects.filter(run=run, state="held").exists(), "the held token")
        assert probes.calls["b"] == 0
        resume_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        run = ended(run)
    assert run.status == "completed"
    assert (probes.calls["a"], probes.calls["b"]) == (1, 1)


def test_one_key_starts_one_run() -> None:
    flow = publish_flow("a -> b")
    first = start(flow, idempotency_key="k")
    assert start(flow, idempotency_key="k").pk == first.pk
    twice = start_runs(
        flow=flow,
        runs=[NewRun({}, "k"), NewRun({}, "l"), NewRun({}, "l"), NewRun({})],
        actor=ACTOR,
        now=timezone.now(),
    )
    assert twice[0].run.pk == first.pk
    assert twice[1].run.pk == twice[2].run.pk
    assert len({each.run.pk for each in twice}) == 3


def test_many_runs_at_once_all_end_and_every_effect_is_made_once() -> None:
    flow = publish_flow("a -> b", "a -> c", "b -> j", "c -> j", "j -> z", j={"type": "join"})
    with driving():
        runs = start_runs(flow=flow, runs=[NewRun({})] * 100, actor=ACTOR, now=timezone.now())
        for run in runs:
            ended(run.run)
    assert probes.calls == {"a": 100, "b": 100, "c": 100, "z": 100}
    assert set(probes.effects.values()) == {1}
