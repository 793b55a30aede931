"""What a step may give back."""

from datetime import date
from typing import Any

import pytest

from flows.runtime.execution import _check_result, _without_unfit
from flows.steps.base import Result, StepFailure
from workbench.values.checking import check_value


def nested(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (float("inf"), "NaN or infinity"),
        ({"rate": [float("nan")]}, "NaN or infinity"),
        ({"born": date(2000, 1, 1)}, "date is not a JSON type"),
        ({"total": 2**53}, "output at /total: The whole number"),
        ({"name": "a\0b"}, "output at /name: The text holds a NUL"),
        ({"name": "\ud800"}, "half of a surrogate pair"),
        ({"shares": {1: 0.5}}, "is not text"),
        (nested(700), "nests too deep"),
        (nested(100_000), "nests too deep"),
    ],
)
def test_an_output_that_json_cannot_carry_is_refused_and_not_retried(
    output: Any, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        _check_result(Result(output=output))
    assert caught.value.kind == "contract"
    assert not caught.value.retryable


def test_provenance_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(StepFailure, match="provenance at /model: The text holds a NUL"):
        _check_result(Result(output={}, provenance={"model": "\0"}))


@pytest.mark.parametrize("detail", [{"body": "a\0"}, {"value": float("nan")}, {"value": object()}])
def test_a_failure_can_always_be_written_down(detail: Any) -> None:
    kept = _without_unfit({"message": "said \0 and \ud800", "detail": detail})
    check_value(kept)
    assert kept["message"].startswith("said ")
