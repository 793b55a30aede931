"""Lanes: a flood in one does not delay what is more urgent."""

import threading
from typing import Any

import pytest
from django.utils import timezone

from flows.engine.lanes import PRIORITY, Lane
from flows.models import Run, Token
from flows.services import NewRun, start_runs
from flows.steps.base import Result, RunningStep, StepConfig, StepContext
from flows.steps.registry import all_step_types, register
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

FLOOD = 3_000
let_go = threading.Event()
PATIENCE_SECONDS = 30

if "test.hold" not in {type_.name for type_ in all_step_types()}:

    @register
    class Hold(RunningStep):
        """Keeps its thread until the test lets go."""

        name = "test.hold"
        title = "Hold"

        class Config(StepConfig):
            pass

        def run(self, ctx: StepContext, config: Config) -> Result:
            let_go.wait(PATIENCE_SECONDS)
            return Result()


def flood(flow: Any, lane: Lane, runs: int) -> None:
    new = [NewRun({}, None, PRIORITY[lane]) for _ in range(runs)]
    start_runs(flow=flow, runs=new, actor=ACTOR, now=timezone.now())


def in_work(flow: Any) -> int:
    return Token.objects.filter(run__flow=flow, state="running").count()


def test_thousands_of_bulk_runs_that_fill_the_worker_do_not_delay_an_interactive_one() -> None:
    slow = publish_flow("hold -> b", hold={"type": "test.hold"}, name="slow")
    quick = publish_flow("a -> b", name="quick")
    flood(slow, Lane.BULK, FLOOD)
    let_go.clear()
    try:
        with driving(riders=16, step_threads=4):
            until(lambda: in_work(slow) == 12, "the flood to take all it may")
            run = start(quick, priority=PRIORITY[Lane.INTERACTIVE])
            assert ended(run).status == "completed"
            usual = start(quick)
            assert ended(usual).status == "completed"
            assert Run.objects.filter(flow=slow, status="running").count() == FLOOD
            let_go.set()
    finally:
        let_go.set()


def test_a_called_run_is_in_the_lane_of_its_caller() -> None:
    inner = publish_flow("a -> b", name="inner")
    outer = publish_flow(
        "call -> b", call={"type": "subflow", "flow": "inner", "input": {}}, name="outer"
    )
    with driving():
        ended(start(outer, priority=PRIORITY[Lane.BULK]))
    assert Run.objects.get(flow=inner).priority == PRIORITY[Lane.BULK]
