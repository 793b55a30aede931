"""What a wait is opened or resolved with can be kept, or the step says that it cannot."""

from typing import Any

import pytest
from django.utils import timezone

from flows.graph.codec import parse
from flows.runtime.program import Program
from flows.runtime.transitions import resolve_wait
from flows.steps.base import StepFailure
from workbench.values.refusals import ValueRefused

DOCUMENT = {
    "schema": "countersign/flow@1",
    "name": "loan",
    "steps": {
        "tell": {"type": "event.emit", "with": {"event": "paid", "payload": "${ input }"}},
    },
    "edges": [],
}


@pytest.mark.parametrize("unfit", [2**53, float("inf"), "a\0b", "\ud800"])
def test_a_wait_is_not_resolved_with_what_cannot_be_kept(unfit: Any) -> None:
    with pytest.raises(ValueRefused) as refused:
        resolve_wait(wait_id=1, port="done", output={"sum": unfit}, now=timezone.now())
    assert refused.value.at == "/sum"


def test_a_waiting_step_is_not_opened_with_what_cannot_be_kept() -> None:
    step = Program(0, 0, 0, parse(DOCUMENT)).steps["tell"]
    assert step.config({"input": {"sum": 2**53 - 1}, "steps": {}}).payload == {"sum": 2**53 - 1}
    with pytest.raises(StepFailure, match="/payload/name: The text holds a NUL") as failure:
        step.config({"input": {"name": "a\0b"}, "steps": {}})
    assert (failure.value.kind, failure.value.retryable) == ("config", False)
