import asyncio
import inspect
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from flows.graph.model import Step
from flows.steps.base import Result, StepContext, StepFailure
from flows.steps.functions import _FUNCTIONS, UnknownFunction, get_function
from flows.steps.python import Python, step
from tests.unit.steps.contexts import context
from tests.waiting import until


class Quote(BaseModel):
    rate: float
    notes: list[str] = []


@step
def quote(amount: Annotated[float, Field(gt=0)], months: int = 12) -> Quote:
    """Quote a rate.

    The rest of the text is for engineers.
    """
    return Quote(rate=amount / months)


@step
async def slowly(amount: float) -> float:
    await asyncio.sleep(0)
    return amount * 2


@step
def keyed(ctx: StepContext, amount: float) -> str:
    return f"{ctx.idempotency_key}/{amount:g}"


@step
def broken_promise(amount: float) -> Quote:
    return {"rate": "high"}  # type: ignore[return-value]


def not_a_step(amount: float) -> float:
    return amount


HERE = __name__


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.STEP_MODULES = [HERE]


def run(function: str, args: dict[str, Any]) -> Any:
    config = Python.Config(function=f"{HERE}:{function}", args=args)
    result = Python().run(context(), config)
    if inspect.isawaitable(result):
        result = asyncio.run(_await_result(result))
    assert isinstance(result, Result)
    return result.output


async def _await_result(result: Any) -> Any:
    return await result


def test_a_function_gets_checked_arguments_and_gives_json() -> None:
    assert run("quote", {"amount": "240", "months": 12}) == {"rate": 20.0, "notes": []}


def test_a_default_may_be_left_out() -> None:
    assert run("quote", {"amount": 24}) == {"rate": 2.0, "notes": []}


def test_an_async_function_gives_its_result_too() -> None:
    assert run("slowly", {"amount": 2}) == 4.0


def test_the_context_is_filled_in_and_is_not_part_of_the_contract() -> None:
    assert run("keyed", {"amount": 3}) == "run-12-5-2/3"
    assert set(get_function(f"{HERE}:keyed").input_schema["properties"]) == {"amount"}


@pytest.mark.parametrize(
    ("function", "args", "named"),
    [
        ("quote", {"amount": -1}, "argument `amount`"),
        ("quote", {"amount": "many"}, "argument `amount`"),
        ("quote", {}, "argument `amount`"),
        ("quote", {"amount": 1, "colour": "red"}, "argument `colour`"),
        ("quote", {"amount": float("nan")}, "argument `amount`"),
        ("broken_promise", {"amount": 1}, "result `rate`"),
    ],
)
def test_a_breach_of_contract_names_the_field_and_is_not_retried(
    function: str, args: dict[str, Any], named: str
) -> None:
    with pytest.raises(StepFailure, match=named) as caught:
        run(function, args)
    assert caught.value.kind == "contract"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("os:system", "STEP_MODULES"),
        ("examples.consumer_loan.steps:fraud", "STEP_MODULES"),
        (f"{HERE}:not_a_step", "@step"),
        (f"{HERE}:subprocess.run", "@step"),
        ("", "STEP_MODULES"),
    ],
)
def test_only_registered_functions_of_allowed_modules_can_be_called(name: str, remedy: str) -> None:
    with pytest.raises(UnknownFunction, match=remedy):
        get_function(name)
    with pytest.raises(StepFailure) as caught:
        Python().run(context(), Python.Config(function=name))
    assert not caught.value.retryable


def test_a_module_that_cannot_be_imported_is_named(settings: Any) -> None:
    settings.STEP_MODULES = ["no_such_module"]
    with pytest.raises(UnknownFunction, match="no_such_module"):
        get_function("no_such_module:anything")


def test_the_type_hints_are_the_schema_of_input_and_output() -> None:
    config = {"function": f"{HERE}:quote"}
    assert Python().input_schema(config)["properties"]["amount"]["exclusiveMinimum"] == 0
    assert Python().output_schema(config)["properties"]["rate"]["type"] == "number"
    assert get_function(f"{HERE}:quote").summary == "Quote a rate."


def test_a_check_names_missing_and_unknown_arguments() -> None:
    config = {"function": f"{HERE}:quote", "args": {"colour": "red"}}
    problems = Python().check(Step(id="call", type="python", config=config))
    assert [(each.step, each.field) for each in problems] == [
        ("call", "with.args.colour"),
        ("call", "with.args"),
    ]


@pytest.mark.parametrize("config", [{}, {"function": 7}, {"function": "os:system", "args": []}])
def test_a_broken_draft_never_breaks_the_card(config: dict[str, Any]) -> None:
    assert Python().describe(config)
    assert Python().output_schema(config) == {}
    assert Python().check(Step(id="call", type="python", config=config))


def test_a_function_without_hints_is_refused_when_it_is_defined() -> None:
    def untyped(amount):  # type: ignore[no-untyped-def]
        return amount

    untyped.__qualname__ = "untyped"
    with pytest.raises(TypeError, match="type hint for what it returns"):
        step(untyped)


sent: list[str] = []


@step(effects=True)
def send_letter(text: str) -> int:
    sent.append(text)
    return len(sent)


@step(effects=True, stand_in=lambda text: 0)
def send_parcel(text: str) -> int:
    return send_letter(text)


def test_a_function_with_effects_is_not_called_in_a_rehearsal() -> None:
    config = Python.Config(function=f"{HERE}:send_letter", args={"text": "hello"})
    with pytest.raises(StepFailure, match="stub") as caught:
        Python().rehearse(context(), config)
    assert (caught.value.kind, sent) == ("unstubbed", [])


def test_a_step_s_stand_in_answers_only_in_a_rehearsal() -> None:
    sent.clear()
    config = Python.Config(function=f"{HERE}:send_parcel", args={"text": "hello"})
    rehearsed = Python().rehearse(context(), config)
    assert isinstance(rehearsed, Result)
    assert (rehearsed.output, sent) == (0, [])
    assert run("send_parcel", {"text": "hello"}) == 1


SLOW = """
import threading
from flows.steps.python import step

registered, go_on = threading.Event(), threading.Event()

@step
def early() -> int:
    return late()

registered.set()
go_on.wait(20)

def late() -> int:
    return 7
"""


def test_a_function_of_a_module_that_is_still_imported_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    (tmp_path / "slow_steps_of_a_test.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    settings.STEP_MODULES = ["slow_steps_of_a_test"]
    given: list[Any] = []

    def look_up() -> None:
        given.append(get_function("slow_steps_of_a_test:early").function())

    first = threading.Thread(target=look_up, daemon=True)
    first.start()
    until(lambda: "slow_steps_of_a_test:early" in _FUNCTIONS, "the import to begin")
    second = threading.Thread(target=look_up, daemon=True)
    second.start()
    second.join(0.2)
    assert given == []
    sys.modules["slow_steps_of_a_test"].go_on.set()
    first.join(20)
    second.join(20)
    assert given == [7, 7]
