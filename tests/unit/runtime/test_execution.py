"""What a step may give back."""

from datetime import date
from typing import Any

import pytest

from flows.runtime.execution import _check_result
from flows.steps.base import Result, StepFailure


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (float("inf"), "NaN or infinity"),
        ({"rate": [float("nan")]}, "NaN or infinity"),
        ({"born": date(2000, 1, 1)}, "date is not a JSON type"),
    ],
)
def test_an_output_that_json_cannot_carry_is_refused_and_not_retried(
    output: Any, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        _check_result(Result(output=output))
    assert caught.value.kind == "contract"
    assert not caught.value.retryable
