"""Flows that call flows: subflow and for_each."""

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from flows.models import Flow, FlowVersion, Run, Wait
from flows.runtime.actions import Action, Finish
from flows.runtime.execution import Drive, Memory
from flows.runtime.program import load_program
from flows.runtime.step_pool import StepPool
from flows.runtime.transitions import commit
from flows.services import cancel_run, pause_run, resume_run, retry_run
from flows.store import get_store
from flows.store.rows import Claim
from tests.driving import driving, ended, journal, start
from tests.factories import probes
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


def caller(**config: Any) -> Flow:
    step = {"type": "for_each", "flow": "called", **config}
    return publish_flow("each -> after", each=step, output={"got": "${ steps.each.output }"})


def subflow(**config: Any) -> Flow:
    step = {"type": "subflow", "flow": "called", **config}
    return publish_flow("call -> after", call=step, output={"got": "${ steps.call.output }"})


def children(run: Run) -> list[Run]:
    return list(Run.objects.filter(pk__gt=run.pk).order_by("pk"))


def children_when(run: Run, count: int) -> list[Run]:
    return until(lambda: len(found := children(run)) == count and found, f"{count} called runs")  # type: ignore[no-any-return]


def mend(flow: Flow, step: str, config: dict[str, Any]) -> None:
    """Change a released step in place, as no service would: the next attempt then succeeds."""
    from flows.runtime.program import forget_programs

    version = FlowVersion.objects.get(pk=flow.released_id)
    version.document["steps"][step]["with"] = config
    version.save()
    forget_programs()


# --- Subflow ------------------------------------------------------------------------------


def test_a_subflow_gives_what_the_called_run_gave() -> None:
    publish_flow(
        "a -> e",
        a={"type": "transform", "output": {"twice": "${ input.n * 2 }"}},
        e={"type": "end", "outcome": "doubled"},
        output={"n": "${ steps.a.output.twice }"},
        name="called",
    )
    with driving():
        run = ended(start(subflow(input={"n": "${ input.n }"}), {"n": 21}))
    [child] = children(run)
    assert run.output == {"got": {"run": child.pk, "outcome": "doubled", "output": {"n": 42}}}
    assert (child.trigger, child.status) == ("flow", "completed")


def test_a_called_run_that_fails_leaves_by_the_error_port() -> None:
    publish_flow("a -> b", a={"fail_times": 9, "fatal": True}, name="called")
    flow = publish_flow(
        "call -> after", "call.error -> mend", call={"type": "subflow", "flow": "called"}
    )
    with driving():
        run = ended(start(flow))
    assert (run.status, probes.calls["mend"], probes.calls["after"]) == ("completed", 1, 0)


def test_without_an_error_edge_the_caller_fails_with_the_cause_and_a_retry_calls_anew() -> None:
    called = publish_flow("a -> b", a={"fail_times": 9, "fatal": True}, name="called")
    with driving():
        run = ended(start(subflow()))
        assert (run.status, run.error["kind"]) == ("failed", "subflow")
        assert run.error["detail"]["cause"]["message"] == "as asked"
        mend(called, "a", {})
        retry_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        until(lambda: probes.calls["after"], "the caller to go on")
        run = ended(run)
    assert (run.status, [child.status for child in children(run)]) == (
        "completed",
        ["failed", "completed"],
    )


def test_cancelling_the_caller_cancels_the_called_and_what_they_called() -> None:
    publish_flow("g -> z", g={"type": "test.gate"}, name="deepest")
    publish_flow("c -> z", c={"type": "subflow", "flow": "deepest"}, name="called")
    with driving():
        run = start(subflow())
        found = children_when(run, 2)
        until(lambda: Wait.objects.filter(kind="gate", state="open").count(), "the gate")
        cancel_run(run_id=run.pk, reason="enough", actor=ACTOR, now=timezone.now())
    assert [Run.objects.get(pk=each.pk).status for each in (run, *found)] == ["cancelled"] * 3
    assert not Wait.objects.filter(state="open").exists()


def test_cancelling_the_called_fails_the_caller() -> None:
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = start(subflow())
        [child] = children_when(run, 1)
        cancel_run(run_id=child.pk, reason="enough", actor=ACTOR, now=timezone.now())
        run = ended(run)
    assert (run.status, run.error["kind"]) == ("failed", "subflow")
    assert "cancelled" in run.error["message"]


def test_a_flow_that_is_not_there_fails_the_step_and_leaves_nothing() -> None:
    with driving():
        run = ended(start(subflow()))
    assert (run.status, run.error["kind"]) == ("failed", "config")
    assert (Run.objects.count(), Wait.objects.count()) == (1, 0)


def test_a_flow_that_calls_itself_for_ever_is_stopped() -> None:
    flow = publish_flow("call -> after", call={"type": "subflow", "flow": "kit"})
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert Run.objects.count() == 1 + settings.MAX_CHAIN_DEPTH
    deepest = Run.objects.order_by("pk").last()
    assert deepest is not None
    assert f"{settings.MAX_CHAIN_DEPTH} levels" in deepest.error["message"]


def test_a_caller_need_not_wait() -> None:
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = ended(start(subflow(wait=False)))
        [child] = children(run)
    assert run.output == {"got": {"run": child.pk}}
    assert (child.status, child.parent_wait_id) == ("running", None)


# --- For each -----------------------------------------------------------------------------


def test_outputs_come_in_the_order_of_the_items_whoever_is_first() -> None:
    publish_flow(
        "a -> b",
        a={"sleep": "${ input.first ? 0.3 : 0.0 }"},
        b={"type": "transform", "output": {"n": "${ input.n }"}},
        output={"n": "${ steps.b.output.n }"},
        name="called",
    )
    flow = caller(
        items="${ input.items }", input={"n": "${ item * 10 }", "first": "${ index == 0 }"}
    )
    with driving():
        run = ended(start(flow, {"items": [3, 1, 2]}))
    assert run.output == {"got": {"items": [{"n": 30}, {"n": 10}, {"n": 20}], "failed": []}}


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_called_runs_run_at_once_than_the_step_allows(at_once: int) -> None:
    publish_flow("g -> z", g={"sleep": 0.02}, name="called")
    flow = caller(items="${ input.items }", concurrency=at_once)
    seen = []
    with driving(riders=16):
        run = start(flow, {"items": [{}] * 10})
        until(lambda: Run.objects.filter(pk__gt=run.pk).count() == 10, "the called runs")
        while Run.objects.get(pk=run.pk).status == "running":
            seen.append(Run.objects.filter(pk__gt=run.pk, status="running").count())
    assert max(seen) == at_once
    assert {child.status for child in children(run)} == {"completed"}


def test_an_empty_list_is_done_at_once() -> None:
    publish_flow("a -> b", name="called")
    with driving():
        run = ended(start(caller(items=[])))
    assert run.output == {"got": {"items": [], "failed": []}}


def test_stop_cancels_the_others_at_the_first_failure() -> None:
    publish_flow("a -> g", a={"fail_times": "${ input.bad ? 9 : 0 }", "fatal": True},
              g={"type": "test.gate"}, name="called")  # fmt: skip
    flow = caller(items=[{"bad": False}, {"bad": True}, {"bad": False}])
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "subflow")
    assert [child.status for child in children(run)] == ["cancelled", "failed", "cancelled"]


def bad_and_good() -> None:
    publish_flow("a -> b", a={"fail_times": "${ input.bad ? 9 : 0 }", "fatal": True, "give": 1},
              output={"n": "${ steps.a.output }"}, name="called")  # fmt: skip


def test_collect_goes_on_and_says_which_failed() -> None:
    bad_and_good()
    flow = caller(items=[{"bad": False}, {"bad": True}, {"bad": False}], on_failure="collect")
    with driving():
        run = ended(start(flow))
    got = run.output["got"]
    assert got["items"] == [{"n": 1}, None, {"n": 1}]
    assert [(each["index"], each["error"]["kind"]) for each in got["failed"]] == [(1, "asked")]


@pytest.mark.parametrize(("most", "status"), [(1, "failed"), (2, "completed")])
def test_collect_stops_past_the_failures_allowed(most: int, status: str) -> None:
    bad_and_good()
    items = [{"bad": True}, {"bad": True}, {"bad": False}]
    flow = caller(items=items, on_failure="collect", most_failures=most, concurrency=1)
    with driving():
        run = ended(start(flow))
    assert run.status == status
    assert children(run)[2].status == ("cancelled" if status == "failed" else "completed")


def test_a_thousand_items_fan_out_and_meet() -> None:
    publish_flow("a -> b", a={"type": "transform", "output": {"n": "${ input.n }"}},
              b={"type": "transform", "output": {}}, output={"n": "${ steps.a.output.n }"},
              name="called")  # fmt: skip
    flow = caller(items="${ input.items }", input={"n": "${ item }"}, concurrency=200)
    with driving():
        run = start(flow, {"items": list(range(1_000))})
        until(lambda: Run.objects.get(pk=run.pk).finished_at, "the end", patience_seconds=55)
        run = ended(run)
    assert [each["n"] for each in run.output["got"]["items"]] == list(range(1_000))
    assert run.output["got"]["failed"] == []


def test_more_items_than_are_taken_are_refused() -> None:
    publish_flow("a -> b", name="called")
    with driving():
        run = ended(start(caller(items="${ [1, 2].map(x, 1) }", enough=3)))
    assert (run.status, run.error["kind"]) == ("failed", "config")
    assert Run.objects.count() == 1


def test_an_item_whose_input_cannot_be_made_starts_none() -> None:
    publish_flow("a -> b", name="called")
    flow = caller(items=[{"n": 1}, {}], input={"n": "${ item.n }"})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "expression")
    assert "item 1" in run.error["message"]
    assert (Run.objects.count(), Wait.objects.count()) == (1, 0)


def test_an_item_that_the_called_flow_refuses_starts_none() -> None:
    called = publish_flow("a -> b", name="called")
    version = FlowVersion.objects.get(pk=called.released_id)
    version.document["input"] = {"type": "object", "required": ["n"]}
    version.save()
    with driving():
        run = ended(start(caller(items=[{"n": 1}, {}])))
    assert (run.status, run.error["kind"]) == ("failed", "subflow")
    assert Run.objects.count() == 1


def test_cancelling_the_caller_cancels_those_that_run_and_those_that_wait_their_turn() -> None:
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = start(caller(items=[{}] * 5, concurrency=2))
        children_when(run, 5)
        until(lambda: Wait.objects.filter(kind="gate", state="open").count() == 2, "two gates")
        cancel_run(run_id=run.pk, reason="enough", actor=ACTOR, now=timezone.now())
    assert [child.status for child in children(run)] == ["cancelled"] * 5


def test_a_failed_item_that_is_retried_in_time_counts_as_done() -> None:
    called = publish_flow(
        "a -> b", "b -> g", a={"fail_times": "${ input.bad ? 9 : 0 }", "fatal": True},
        g={"type": "test.gate"}, name="called",
    )  # fmt: skip
    flow = caller(items=[{"bad": True}, {"bad": False}], on_failure="collect")
    with driving():
        run = start(flow)
        bad, _ = children_when(run, 2)
        ended(bad)
        mend(called, "a", {})
        retry_run(run_id=bad.pk, actor=ACTOR, now=timezone.now())
        gates = until(lambda: len(found := _gates()) == 2 and found, "two gates")
        for wait in gates:
            _open(wait)
        run = ended(run)
    assert (run.status, run.output["got"]["failed"]) == ("completed", [])


def test_a_called_run_that_an_operator_pauses_is_waited_for() -> None:
    publish_flow("a -> b", a={"sleep": 0.3}, name="called")
    with driving():
        run = start(caller(items=[{}, {}], concurrency=1))
        first, second = children_when(run, 2)
        until(lambda: probes.calls["a"], "the first")
        pause_run(run_id=first.pk, actor=ACTOR, now=timezone.now())
        until(lambda: "step.finished a" in journal(first), "its step")
        assert Run.objects.get(pk=run.pk).status == "running"
        resume_run(run_id=first.pk, actor=ACTOR, now=timezone.now())
        assert ended(run).status == "completed"
    assert Run.objects.get(pk=second.pk).status == "completed"


# --- Enough -------------------------------------------------------------------------------


def test_once_enough_called_runs_succeed_the_others_are_cancelled() -> None:
    publish_flow("a -> b", "b -> g", a={"give": 1}, g={"type": "test.gate"},
              output={"n": "${ steps.a.output }"}, name="called")  # fmt: skip
    with driving():
        run = start(caller(items=[{}] * 4, concurrency=2, enough=1))
        children_when(run, 4)
        gate = until(lambda: len(found := _gates()) == 2 and found[1], "two gates")
        _open(gate)
        run = ended(run)
    assert run.output == {"got": {"items": [None, {"n": 1}, None, None], "failed": []}}
    until(lambda: [c.status for c in children(run)].count("cancelled") == 3, "the others")


def test_called_runs_that_outlive_their_caller_keep_to_its_concurrency_limit() -> None:
    publish_flow("a -> b", a={"sleep": 0.02}, name="called")
    seen = []
    with driving():
        run = start(caller(items=[{}] * 8, concurrency=2, enough=2, others="go_on"))
        children_when(run, 8)
        while any(child.status != "completed" for child in children(run)):
            seen.append(Run.objects.filter(pk__gt=run.pk, status="running").count())
        assert ended(run).status == "completed"
    assert max(seen) <= 2


def test_the_step_fails_once_too_few_called_runs_can_succeed() -> None:
    bad_and_good()
    items = [{"bad": False}, {"bad": True}]
    with driving():
        run = ended(start(caller(items=items, on_failure="collect", enough=2)))
    assert (run.status, run.error["message"]) == ("failed", "2 runs must complete; 1 did.")


def _gates() -> list[Wait]:
    return list(Wait.objects.filter(kind="gate", state="open").order_by("run_id"))


def _open(wait: Wait) -> None:
    from django.db import transaction

    from flows.services import resolve_wait

    with transaction.atomic():
        resolve_wait(wait_id=wait.pk, port="done", output={}, now=timezone.now(), actor=ACTOR)


# --- Paused together ----------------------------------------------------------------------


def statuses(*runs: Run) -> list[str]:
    found = dict(Run.objects.values_list("pk", "status"))
    return [found[run.pk] for run in runs]


def waiting_children(run: Run, count: int) -> list[Run]:
    """Return the called runs once each waits at its gate."""
    until(lambda: Wait.objects.filter(kind="gate", state="open").count() == count, "the gates")
    return children_when(run, count)


def test_pausing_a_run_pauses_those_it_called_and_resuming_lets_them_go_on() -> None:
    now = timezone.now()
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = start(caller(items=[1, 2], concurrency=2))
        called = waiting_children(run, 2)
        pause_run(run_id=run.pk, actor=ACTOR, now=now)
        assert statuses(run, *called) == ["paused"] * 3
        assert journal(called[0])[-1] == "run.paused"
        resume_run(run_id=run.pk, actor=ACTOR, now=now)
        assert statuses(run, *called) == ["running"] * 3


def test_a_called_run_that_a_person_paused_stays_paused_when_its_caller_goes_on() -> None:
    now = timezone.now()
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = start(caller(items=[1, 2, 3], concurrency=3))
        first, second, third = waiting_children(run, 3)
    pause_run(run_id=first.pk, actor=ACTOR, now=now)
    pause_run(run_id=run.pk, actor=ACTOR, now=now)
    # Held with its caller, and then by a person: it is that person's to let go on.
    pause_run(run_id=second.pk, actor=ACTOR, now=now)
    resume_run(run_id=run.pk, actor=ACTOR, now=now)
    assert statuses(run, first, second, third) == ["running", "paused", "paused", "running"]


def test_a_called_run_that_is_resumed_alone_takes_its_own_called_runs_with_it() -> None:
    now = timezone.now()
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    middle = {"type": "subflow", "flow": "called"}
    publish_flow("call -> z", call=middle, name="middle")
    with driving():
        top = start(
            publish_flow("call -> z", call={"type": "subflow", "flow": "middle"}, name="top")
        )
        child, grandchild = children_when(top, 2)
        until(lambda: Wait.objects.filter(kind="gate", state="open").exists(), "the gate")
    pause_run(run_id=top.pk, actor=ACTOR, now=now)
    assert statuses(top, child, grandchild) == ["paused"] * 3
    resume_run(run_id=child.pk, actor=ACTOR, now=now)
    assert statuses(top, child, grandchild) == ["paused", "running", "running"]


def test_no_turn_comes_while_the_caller_is_paused_and_the_next_one_when_it_goes_on() -> None:
    now = timezone.now()
    publish_flow("g -> z", g={"type": "test.gate"}, name="called")
    with driving():
        run = start(caller(items=[1, 2], concurrency=1, on_failure="collect"))
        first, second = children_when(run, 2)
        gate = until(lambda: Wait.objects.filter(run=first, state="open").first(), "the gate")
        pause_run(run_id=run.pk, actor=ACTOR, now=now)
        cancel_run(run_id=first.pk, reason="no more of it", actor=ACTOR, now=now)
        assert gate.kind == "gate"
        told = "flows.child_ended"
        until(lambda: not Outbox.objects.filter(job=told).exists(), "the caller to be told")
        assert statuses(run, second) == ["paused", "paused"]
        resume_run(run_id=run.pk, actor=ACTOR, now=now)
        until(lambda: statuses(second) == ["running"], "the next turn")


def test_what_a_paused_run_calls_begins_when_it_goes_on() -> None:
    publish_flow("work -> rest", name="called")
    run = start(subflow())
    [claim] = get_store().claim(worker_id=1, limit=1, now=timezone.now())
    pause_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    open_call(claim)
    [child] = children(run)
    assert statuses(run, child) == ["paused", "paused"]
    resume_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    assert statuses(run, child) == ["running", "running"]
    with driving():
        assert ended(run).status == "completed"


def open_call(claim: Claim) -> None:
    """Commit the step of a claim that was under way, as its worker does."""
    now, program = timezone.now(), load_program(claim.version_id)

    async def drive() -> Action:
        pool = StepPool(asyncio.get_running_loop(), 1)
        return await Drive(claim, program, Memory(), pool, lambda: False).run()

    commit([Finish(claim, program, asyncio.run(drive()), now, now)], worker_id=1)
