"""``run.lane`` in expressions: that of the run, also once it was moved, and the flow's in tests."""

from typing import Any

import pytest
from django.utils import timezone

from flows.engine.lanes import PRIORITY, Lane
from flows.graph.codec import parse
from flows.models import Flow
from flows.runtime.rehearsal import Stage
from flows.services import move_to_lane
from tests.driving import driving, ended, start
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)
STEPS: dict[str, Any] = {
    "say": {"type": "transform", "with": {"output": {"lane": "${ run.lane }"}}},
    "done": {"type": "end", "with": {"outcome": "${ steps.say.output.lane }"}},
}


def make_telling_flow(**more: Any) -> Flow:
    return make_flow(
        "telling", input={}, samples={}, steps=STEPS, edges=["say.done -> done"], layout={},
        output={"lane": "${ run.lane }"}, **more,
    )  # fmt: skip


@pytest.mark.parametrize("lane", list(Lane))
def test_a_run_says_its_lane(lane: Lane) -> None:
    flow = make_telling_flow()
    with driving():
        run = ended(start(flow, priority=PRIORITY[lane]))
    assert (run.outcome, run.output) == (lane, {"lane": lane})


def test_a_run_that_was_moved_says_its_new_lane() -> None:
    run = start(make_telling_flow(lane="bulk"))
    move_to_lane(run_id=run.pk, lane=Lane.INTERACTIVE, actor=ACTOR, now=timezone.now())
    with driving():
        assert ended(run).outcome == "interactive"


@pytest.mark.parametrize("lane", [None, "bulk"])
def test_a_rehearsal_is_in_the_lane_of_its_flow(lane: str | None) -> None:
    document = {
        "schema": "countersign/flow@1", "name": "telling", "title": "Telling", "steps": STEPS,
        "edges": ["say.done -> done"], **({"lane": lane} if lane else {}),
    }  # fmt: skip
    with Stage() as stage:
        played = stage.play(parse(document), input={}, now=timezone.now())
    assert played.outcome == (lane or "standard")
