"""The step type `python`: a typed function of an allowlisted module.

    @step
    def affordability(amount: float, duration_months: int) -> Affordability: ...

The type hints are the contract: arguments are checked before the call, the result after it, and the
editor shows the JSON Schema of both. The engine fills in a parameter annotated ``StepContext``,
which is not part of the contract.
"""

import inspect
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.base import (
    CodeMissing,
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.functions import StepFunction, UnknownFunction, get_function, step
from flows.steps.registry import register

__all__ = ["Python", "step"]


@register
class Python(RunningStep):
    name = "python"
    title = "Python function"
    summary = "Calls a typed function"
    icon = "square-function"
    category = "Logic"

    class Config(StepConfig):
        function: str = Field(
            title="Function",
            description="A function decorated with @step, as module:name. Its module is "
            "listed in the setting STEP_MODULES or offered by an installed package.",
            examples=["examples.consumer_loan.steps:affordability"],
        )
        args: dict[str, Json] = Field(
            default_factory=dict,
            title="Arguments",
            description="One value for each parameter; the function's type hints say which.",
            examples=[{"amount": "${ input.amount }"}],
        )

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        found = self._find(config)
        return found.output_schema if found else {}

    def input_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the JSON Schema of ``args``; ``{}`` if there is no such function."""
        found = self._find(config)
        return found.input_schema if found else {}

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("function")).rpartition(":")[2] or "Choose a function"

    def reads_run(self, config: Mapping[str, Json]) -> bool:
        found = self._find(config)
        return found is None or found.context_parameter is not None

    def list_secret_places(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        found = self._find(config)
        return tuple(f"args.{name}" for name in found.secrets) if found else ()

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        found = self._find(config)
        return found is not None and found.effects

    def check(self, step: Step) -> Sequence[Problem]:
        try:
            function = get_function(text_of(step.config.get("function")))
        except UnknownFunction as error:
            return [_make_problem(step, "function", str(error), "Choose a registered function.")]
        return list(_check_arguments(step, function))

    def run(self, ctx: StepContext, config: Config) -> Result | Awaitable[Result]:
        return _call(ctx, config, rehearsing=False)

    def rehearse(self, ctx: StepContext, config: Config) -> Result | Awaitable[Result]:
        return _call(ctx, config, rehearsing=True)

    def has_effects(self, config: Mapping[str, Json]) -> bool:
        found = self._find(config)
        return found is not None and found.effects

    def needs_stub(self, config: Mapping[str, Json]) -> bool:
        found = self._find(config)
        return found is not None and found.effects and found.stand_in is None

    @staticmethod
    def _find(config: Mapping[str, Json]) -> StepFunction | None:
        try:
            return get_function(text_of(config.get("function")))
        except UnknownFunction:
            return None


def _call(
    ctx: StepContext, config: Python.Config, *, rehearsing: bool
) -> Result | Awaitable[Result]:
    try:
        function = get_function(config.function)
    except UnknownFunction as error:
        raise CodeMissing(str(error)) from error
    if rehearsing and function.effects and function.stand_in is None:
        raise StepFailure(
            f"Step {ctx.step_id!r}: {function.name} acts on the outside world. "
            "Give the step a stub with its output.",
            kind="unstubbed",
            retryable=False,
        )
    value = function.call(config.args, ctx, rehearsing=rehearsing)
    if inspect.isawaitable(value):
        return _finish(function, value)
    return Result(output=function.output(value))


async def _finish(function: StepFunction, value: Awaitable[Any]) -> Result:
    return Result(output=function.output(await value))


def _check_arguments(step: Step, function: StepFunction) -> Iterator[Problem]:
    """Yield what is wrong with the arguments' names. Their values are known only in a run."""
    args = step.config.get("args") or {}
    if isinstance(args, str):
        return  # an expression gives all of them, and a run checks them
    given = set(args) if isinstance(args, Mapping) else set()
    fields = function.arguments.model_fields
    for name in sorted(given - set(fields)):
        message = f"{function.name} has no parameter {name!r}."
        yield _make_problem(
            step, f"args.{name}", message, f"It takes: {', '.join(fields) or 'none'}."
        )
    for name, field in fields.items():
        if field.is_required() and name not in given:
            message = f"{function.name} needs the argument {name!r}."
            yield _make_problem(step, "args", message, f"Add {name!r} to the arguments.")


def _make_problem(step: Step, field: str, message: str, remedy: str) -> Problem:
    return Problem("error", "python.contract", step.id, f"with.{field}", message, remedy)
