"""Cancelling a region, taking turns, undoing what was done, and what a broken wait leaves."""

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from flows.models import Flow, FlowVersion, Run, Timer, Token, Wait
from flows.runtime.program import forget_programs
from flows.services import cancel_run, resolve_wait, retry_run
from flows.steps.base import Opened, StepConfig, StepContext, StepFailure, WaitingStep
from flows.steps.registry import all_step_types, register
from tests.driving import driving, ended, journal, start
from tests.factories import probes
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import enqueue

pytestmark = pytest.mark.django_db(transaction=True)

GATE = {"type": "test.gate"}


def gate(run: Run, step: str) -> Wait:
    waits = Wait.objects.filter(run=run, step=step, state="open")
    return until(waits.first, f"the wait at {step}")  # type: ignore[no-any-return]


def let_through(run: Run, step: str) -> None:
    wait = gate(run, step)
    with transaction.atomic():
        resolve_wait(wait_id=wait.pk, port="done", output={}, now=timezone.now(), actor=ACTOR)


# --- Cancel a region ----------------------------------------------------------------------


def test_a_cancelled_region_loses_its_waits_timers_and_called_runs() -> None:
    publish_flow("g -> z", g=GATE, name="called")
    flow = publish_flow(
        "s -> g", "s -> w", "s -> call", "s -> k", "k -> c", "c -> after",
        "g -> never", "w -> never", "call -> never",
        g=GATE, k=GATE, w={"type": "wait", "seconds": 3600},
        call={"type": "subflow", "flow": "called"},
        c={"type": "cancel", "steps": ["g", "w", "call"]},
    )  # fmt: skip
    with driving():
        run = start(flow)
        mine = gate(run, "g")
        until(lambda: Wait.objects.filter(state="open").count() == 5, "all waits")
        let_through(run, "k")
        run = ended(run)
    assert (run.status, probes.calls["never"], probes.calls["after"]) == ("completed", 0, 1)
    assert not Timer.objects.exists()
    assert not Wait.objects.filter(state="open").exists()
    assert mine.pk in probes.Gate.cancelled
    assert Run.objects.get(pk__gt=run.pk).status == "cancelled"
    assert [line for line in journal(run) if line.startswith("step.cancelled")] == [
        "step.cancelled g",
        "step.cancelled w",
        "step.cancelled call",
    ]


def test_what_a_worker_still_says_of_a_cancelled_step_counts_for_nothing() -> None:
    flow = publish_flow(
        "s -> slow", "s -> k", "slow -> never", "k -> c", "c -> after",
        slow={"sleep": 0.5}, k=GATE, c={"type": "cancel", "steps": ["slow"]},
    )  # fmt: skip
    with driving():
        run = start(flow)
        until(lambda: probes.calls["slow"], "the slow step")
        let_through(run, "k")
        run = ended(run)
        until(lambda: not Token.objects.exists(), "no token")
    assert (run.status, probes.calls["never"], probes.calls["after"]) == ("completed", 0, 1)
    assert "step.finished slow" not in journal(run)


def test_a_region_in_which_nothing_stands_is_no_error() -> None:
    flow = publish_flow(
        "s -> c", "c -> z", "s.no -> g", g=GATE, c={"type": "cancel", "steps": ["g"]}
    )
    with driving():
        assert ended(start(flow)).status == "completed"
    assert probes.calls["z"] == 1


# --- Take turns ---------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_tokens_are_inside_a_turn_than_it_lets_in(at_once: int) -> None:
    region = ["a", "b", "c", "d"]
    edges = [line for n, step in enumerate(region)
             for line in (f"s -> t{n}", f"t{n} -> {step}", f"{step} -> j")]  # fmt: skip
    turn = {"type": "turn", "steps": region, "at_once": at_once}
    steps: dict[str, Any] = {f"t{n}": turn for n in range(4)} | dict.fromkeys(region, GATE)
    flow = publish_flow(*edges, "j -> z", j={"type": "join"}, **steps)
    seen = []
    with driving():
        run = start(flow)
        for left in range(4, 0, -1):
            inside = min(left, at_once)
            until(lambda: Wait.objects.filter(state="open").count() == inside, "them")  # noqa: B023
            seen.append(Wait.objects.filter(state="open").count())
            first = Wait.objects.filter(state="open").order_by("pk").first()
            assert first is not None
            let_through(run, first.step)
        run = ended(run)
    assert (run.status, probes.calls["z"], max(seen)) == ("completed", 1, at_once)


def test_who_waits_for_its_turn_goes_on_when_the_other_ends_its_path_or_is_cancelled() -> None:
    flow = publish_flow(
        "s -> ta", "ta -> a", "s -> tb", "tb -> b", "s -> k", "k -> c",
        a=GATE, b=GATE, k=GATE, c={"type": "cancel", "steps": ["a"]},
        ta={"type": "turn", "steps": ["a", "b"]}, tb={"type": "turn", "steps": ["a", "b"]},
    )  # fmt: skip
    with driving():
        run = start(flow)
        gate(run, "a")
        assert not Wait.objects.filter(step="b").exists()
        let_through(run, "k")
        let_through(run, "b")
        assert ended(run).status == "completed"


# --- Undo ---------------------------------------------------------------------------------


def undone(run: Run) -> list[str]:
    return [line.split()[1] for line in journal(run) if line.startswith("step.finished un")]


def booking(*edges: str, **steps: Any) -> Any:
    """A flow that books a, b, c and then fails at ``pay``, which undoes all."""
    base: dict[str, Any] = {
        "a": {"compensate": "un_a"}, "b": {"compensate": "un_b"}, "c": {"compensate": "un_c"},
        "un_a": {}, "un_b": {}, "un_c": {},
        "pay": {"fail_times": 9, "fatal": True}, "back": {"type": "compensate"},
    }  # fmt: skip
    path = edges or ("a -> b", "b -> c", "c -> pay", "pay.error -> back", "back -> after")
    return publish_flow(*path, **{**base, **steps})


def test_what_was_done_is_undone_newest_first() -> None:
    with driving():
        run = ended(start(booking()))
    assert (run.status, undone(run)) == ("completed", ["un_c", "un_b", "un_a"])
    assert journal(run)[-2:] == ["step.finished after", "run.completed"]


def test_what_was_not_done_is_not_undone() -> None:
    flow = booking("a -> b", "b.error -> back", "b -> c", "c -> pay", "back -> after",
                   b={"compensate": "un_b", "fail_times": 9, "fatal": True})  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert (run.status, undone(run)) == ("completed", ["un_a"])


def test_each_round_of_a_loop_is_undone() -> None:
    flow = publish_flow(
        "s -> a", "a.again -> a", "a.limit -> back", "back -> after",
        a={"port": "again", "max_visits": 3, "compensate": "un_a"}, un_a={},
        back={"type": "compensate"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert (run.status, undone(run)) == ("completed", ["un_a"] * 3)


def test_an_undoing_that_fails_is_retried_from_there_and_undoes_nothing_twice() -> None:
    flow = booking(un_b={"fail_times": 9, "fatal": True})
    with driving():
        run = ended(start(flow))
        assert (run.status, undone(run), run.error["step"]) == ("failed", ["un_c"], "un_b")
        version = FlowVersion.objects.get(pk=flow.released_id)
        version.document["steps"]["un_b"]["with"] = {}
        version.save()
        forget_programs()
        retry_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        until(lambda: probes.calls["after"], "what follows")
        run = ended(run)
    assert (run.status, undone(run)) == ("completed", ["un_c", "un_b", "un_a"])


def test_a_failed_compensation_is_retried_by_its_own_step_s_policy() -> None:
    retry = {"max_attempts": 3, "initial_seconds": 0.01}
    with driving():
        run = ended(start(booking(un_b={"fail_times": 2, "retry": retry})))
    assert (run.status, undone(run)) == ("completed", ["un_c", "un_b", "un_a"])
    assert (probes.calls["un_b"], probes.calls["un_c"]) == (3, 1)


def test_a_second_compensation_undoes_only_what_was_done_since() -> None:
    flow = publish_flow(
        "a -> b", "b -> back", "back -> c", "c -> again", "again -> after",
        a={"compensate": "un_a"}, b={"compensate": "un_b"}, c={"compensate": "un_c"},
        un_a={}, un_b={}, un_c={}, back={"type": "compensate"}, again={"type": "compensate"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert (run.status, undone(run)) == ("completed", ["un_b", "un_a", "un_c"])


def test_two_compensations_at_once_undo_once() -> None:
    flow = publish_flow(
        "a -> one", "a -> two", "one -> z", "two -> z",
        a={"compensate": "un_a"}, un_a={}, one={"type": "compensate"}, two={"type": "compensate"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert (run.status, undone(run), probes.calls["z"]) == ("completed", ["un_a"], 2)


def test_a_person_may_have_to_undo() -> None:
    with driving():
        run = start(booking(un_b=GATE))
        let_through(run, "un_b")
        run = ended(run)
    assert (run.status, undone(run)) == ("completed", ["un_c", "un_b", "un_a"])


def test_a_join_waits_for_a_branch_that_is_undoing() -> None:
    flow = publish_flow(
        "s -> a", "s -> other", "a -> back", "back -> j", "other -> j", "j -> z",
        a={"compensate": "un_a"}, un_a=GATE, back={"type": "compensate"}, j={"type": "join"},
    )  # fmt: skip
    with driving():
        run = start(flow)
        gate(run, "un_a")
        until(lambda: "step.finished other" in journal(run), "the other branch")
        assert probes.calls["z"] == 0
        let_through(run, "un_a")
        run = ended(run)
    assert (run.status, probes.calls["z"]) == ("completed", 1)


def test_a_run_that_is_cancelled_while_it_undoes_stops_there() -> None:
    with driving():
        run = start(booking(un_b=GATE))
        gate(run, "un_b")
        cancel_run(run_id=run.pk, reason="enough", actor=ACTOR, now=timezone.now())
        run = ended(run)
    assert (run.status, undone(run)) == ("cancelled", ["un_c"])
    assert not Token.objects.exists()


# --- Failures that have a cause -----------------------------------------------------------


def test_a_run_that_fails_at_a_limit_says_so() -> None:
    flow = publish_flow("s -> a", "a.again -> a", a={"port": "again", "max_visits": 2})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"], run.error["step"]) == ("failed", "limit", "a")
    assert "max_visits" in run.error["message"]


if "test.half" not in {type_.name for type_ in all_step_types()}:

    @register
    class Half(WaitingStep):
        """Starts a run and enqueues a job, then breaks."""

        name = "test.half"
        title = "Half"

        class Config(StepConfig):
            unexpected: bool = False

        def open(self, ctx: StepContext, config: Config) -> Opened:
            start(Flow.objects.get(name="called"))
            enqueue("flows.event_emitted", {"name": "x"}, now=ctx.now)
            if config.unexpected:
                raise ZeroDivisionError("a fault of the step")
            raise StepFailure("broken", kind="half")


@pytest.mark.parametrize("unexpected", [False, True])
def test_a_wait_that_breaks_while_it_opens_leaves_nothing_of_what_it_made(unexpected: bool) -> None:
    publish_flow("a -> b", name="called")
    flow = publish_flow(
        "e -> z", "e.error -> mend", e={"type": "test.half", "unexpected": unexpected}
    )
    with driving():
        run = ended(start(flow))
    assert (run.status, probes.calls["mend"], probes.calls["z"]) == ("completed", 1, 0)
    assert (Run.objects.count(), Wait.objects.count(), Outbox.objects.count()) == (1, 0, 0)
    assert journal(run)[1:3] == ["step.failed e", "step.finished mend"]
