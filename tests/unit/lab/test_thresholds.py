"""Which numbers in a branch are cutoffs, and what moving one writes."""

from typing import Any

import pytest

from flows.lab.thresholds import Threshold, list_thresholds


def found(*conditions: Any) -> list[Threshold]:
    cases = [{"port": f"p{n}", "when": when} for n, when in enumerate(conditions)]
    return list_thresholds({"steps": {"route": {"type": "branch", "with": {"cases": cases}}}})


def test_every_comparison_with_a_number_is_a_cutoff() -> None:
    several = "steps.score.output.p >= 0.87 && steps.a.output.n < 3 || double(input.amount) > 5000"
    told = [(each.what, each.sign, each.at) for each in found(several)]
    assert told == [
        ("steps.score.output.p", ">=", 0.87),
        ("steps.a.output.n", "<", 3.0),
        ("double(input.amount)", ">", 5000.0),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "input.kind == 'x >= 3'",
        "size(input.flags) == 0",
        "input.a >= input.b",
        None,
        17,
    ],
)
def test_a_comparison_without_a_number_is_no_cutoff(source: Any) -> None:
    assert found(source) == []


def test_moving_a_cutoff_changes_that_number_alone() -> None:
    first, second = found("input.a >= 0.5 && input.b >= 0.5")
    assert first.with_cutoff(0.625) == "input.a >= 0.625 && input.b >= 0.5"
    assert second.with_cutoff(1) == "input.a >= 0.5 && input.b >= 1"


@pytest.mark.parametrize(
    ("sign", "sides"),
    [(">=", (False, True, True)), (">", (False, False, True)),
     ("<=", (True, True, False)), ("<", (True, False, False))],
)  # fmt: skip
def test_a_value_is_on_the_side_that_the_sign_says(sign: str, sides: tuple[bool, ...]) -> None:
    [cutoff] = found(f"input.a {sign} 2")
    assert tuple(cutoff.holds(value, 2.0) for value in (1, 2, 3)) == sides


@pytest.mark.parametrize("config", [None, {}, {"cases": "x"}, {"cases": [None, {"when": 3}]}])
def test_a_draft_that_is_wrong_has_no_cutoffs(config: Any) -> None:
    assert list_thresholds({"steps": {"route": {"type": "branch", "with": config}}}) == []
