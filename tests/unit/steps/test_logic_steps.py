from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from flows.steps.base import StepFailure
from flows.steps.branch import Branch
from flows.steps.end import End
from flows.steps.join import Join
from flows.steps.transform import Transform
from flows.steps.wait import Wait
from tests.unit.steps.contexts import NOW, context

CASES = [
    {"port": "high", "when": "input.amount > 100.0"},
    {"port": "some", "when": "input.amount > 10.0"},
]


def run_branch(amount: Any, **config: Any) -> Any:
    checked = Branch.Config.model_validate({"cases": CASES, "otherwise": "low", **config})
    return Branch().run(context({"input": {"amount": amount}}), checked)


@pytest.mark.parametrize(("amount", "port"), [(500.0, "high"), (50.0, "some"), (5.0, "low")])
def test_the_first_case_that_holds_is_taken(amount: float, port: str) -> None:
    result = run_branch(amount)
    assert (result.port, result.ports) == (port, None)


@pytest.mark.parametrize(
    ("amount", "ports"), [(500.0, ("high", "some")), (50.0, ("some",)), (5.0, ("low",))]
)
def test_an_inclusive_branch_takes_every_case_that_holds(
    amount: float, ports: tuple[str, ...]
) -> None:
    assert run_branch(amount, inclusive=True).ports == ports


@pytest.mark.parametrize(
    "when", ["input.amount", "input.missing > 1", "1 +", "'true'", "input.amount / 0 > 1", "nobody"]
)
def test_a_condition_that_gives_no_truth_value_fails_and_chooses_nothing(when: str) -> None:
    with pytest.raises(StepFailure, match=r"cases\[0\]\.when") as caught:
        run_branch(5, cases=[{"port": "high", "when": when}])
    assert not caught.value.retryable


def test_a_branch_has_the_ports_of_its_cases_and_otherwise() -> None:
    assert Branch().ports({"cases": CASES, "otherwise": "low"}) == ("high", "some", "low")
    assert Branch().ports({"cases": [CASES[0], CASES[0]]}) == ("high", "otherwise")


@pytest.mark.parametrize("cases", [None, "high", [None, 3], [{"port": 4}], {}])
def test_a_broken_draft_of_a_branch_still_has_a_card(cases: Any) -> None:
    assert Branch().ports({"cases": cases}) == ("otherwise",)
    assert isinstance(Branch().describe({"cases": cases}), str)


@pytest.mark.parametrize(
    "config",
    [
        {"cases": []},
        {"cases": [{"port": "error", "when": "true"}]},
        {"cases": [{"port": "A b", "when": "true"}]},
        {"cases": CASES, "otherwise": "error"},
    ],
)
def test_a_branch_refuses_invalid_ports(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Branch.Config.model_validate(config)


def test_a_transform_gives_its_output_and_promises_its_names() -> None:
    config = {"output": {"a": 1, "b": {"c": "${ input.x }"}}}
    assert Transform().run(context(), Transform.Config(**config)).output == config["output"]
    schema = Transform().output_schema(config)
    assert schema["properties"]["b"]["required"] == ["c"]
    assert Transform().output_schema({"output": "${ input }"}) == {}


@pytest.mark.parametrize("config", [{"mode": "count"}, {"mode": "all", "n": 2}, {"mode": "most"}])
def test_a_join_refuses_a_meaningless_count(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Join.Config.model_validate(config)


def test_a_wait_is_due_after_its_seconds() -> None:
    opened = Wait().open(context(), Wait.Config(seconds=90))
    assert (opened.kind, opened.due_at) == ("timer", NOW + timedelta(seconds=90))


def test_a_wait_until_an_instant_that_has_passed_is_due_now() -> None:
    config = Wait.Config.model_validate({"until": "2020-01-01T00:00:00+01:00"})
    assert Wait().open(context(), config).due_at == NOW


@pytest.mark.parametrize(
    "config",
    [{}, {"seconds": 1, "until": "2026-01-01T00:00:00Z"}, {"seconds": -1},
     {"until": "2026-01-01T00:00:00"}, {"seconds": 1e12}],
)  # fmt: skip
def test_a_wait_needs_either_seconds_or_until(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Wait.Config.model_validate(config)


def test_cards_say_what_a_step_does() -> None:
    assert Wait().describe({"seconds": 7200}) == "For 2 h"
    assert Wait().describe({"seconds": "${ input.seconds }"}) == "For ${ input.seconds }"
    assert Join().describe({"mode": "count", "n": 2}) == "2 paths go on"
    assert End().describe({"outcome": "approved", "terminate": True}).startswith("approved, and")
    assert Branch().describe({"cases": CASES}) == "input.amount > 100.0 → high (+1)"
