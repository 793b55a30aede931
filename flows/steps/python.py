"""The step type `python`: a typed function of an allowlisted module.

    @step
    def affordability(amount: float, duration_months: int) -> Affordability: ...

The type hints are the contract: arguments are checked before the call, the result after it, and
both have a JSON Schema that the editor shows. A parameter annotated ``StepContext`` is filled in by
the engine and is no part of the contract.
"""

import importlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, get_type_hints, overload

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import to_jsonable_python

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
from flows.steps.registry import register

F = TypeVar("F", bound=Callable[..., Any])


class UnknownFunction(LookupError):
    """No registered function of an allowed module has that name. The message says what to do."""


@dataclass(frozen=True)
class StepFunction:
    """A registered function and the contract that its type hints make."""

    name: str
    function: Callable[..., Any]
    arguments: type[BaseModel]
    result: TypeAdapter[Any]
    context_parameter: str | None
    effects: bool = False
    stand_in: Callable[..., Any] | None = None

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @cached_property
    def input_schema(self) -> Mapping[str, Json]:
        return self.arguments.model_json_schema()

    @cached_property
    def output_schema(self) -> Mapping[str, Json]:
        return self.result.json_schema(mode="serialization")

    def call(self, args: Mapping[str, Json], ctx: StepContext, *, rehearsing: bool = False) -> Any:
        """Check the arguments and call; an async function gives its coroutine, for the loop.

        Raises: StepFailure of kind ``contract``, which names the argument.
        """
        try:
            checked = self.arguments.model_validate(args)
        except ValidationError as error:
            raise self._breach("argument", error) from error
        given = {name: getattr(checked, name) for name in type(checked).model_fields}
        if self.context_parameter:
            given[self.context_parameter] = ctx
        function = self.stand_in if rehearsing and self.stand_in else self.function
        return function(**given)

    def output(self, value: Any) -> Json:
        """Return the result as JSON. Raises: StepFailure of kind ``contract``."""
        try:
            return self.result.dump_python(self.result.validate_python(value), mode="json")
        except ValidationError as error:
            raise self._breach("result", error) from error

    def _breach(self, what: str, error: ValidationError) -> StepFailure:
        problems = [
            {"field": ".".join(str(part) for part in each["loc"]), "message": each["msg"]}
            for each in error.errors(include_url=False, include_context=False)
        ]
        first = problems[0]
        named = f"{what} `{first['field']}`" if first["field"] else what
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return StepFailure(
            f"{self.name}: {named}: {first['message']}{more}.",
            kind="contract",
            retryable=False,
            detail={"errors": to_jsonable_python(problems)},
        )


_FUNCTIONS: dict[str, StepFunction] = {}
_imported: set[str] = set()
_loading = threading.RLock()


@overload
def step(function: F, /) -> F: ...


@overload
def step(
    *, effects: bool = False, stand_in: Callable[..., Any] | None = None
) -> Callable[[F], F]: ...


def step(
    function: F | None = None,
    /,
    *,
    effects: bool = False,
    stand_in: Callable[..., Any] | None = None,
) -> F | Callable[[F], F]:
    """Register a function as a step, under the name ``module:function``.

    ``effects`` says that it changes the outside world, so that tests and previews do not call it:
    they call ``stand_in``, which takes the same arguments, or ask for a stub.
    Raises: TypeError, if a type hint is missing.
    """

    def decorate(decorated: F) -> F:
        made = _contract(decorated, effects=effects, stand_in=stand_in)
        _FUNCTIONS[made.name] = made
        return decorated

    return decorate if function is None else decorate(function)


def _contract(
    function: Callable[..., Any], *, effects: bool, stand_in: Callable[..., Any] | None
) -> StepFunction:
    name = f"{function.__module__}:{function.__qualname__}"
    if "<locals>" in name:
        raise TypeError(f"{name} cannot be a step: define it at the top of its module.")
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise TypeError(f"{name} needs a type hint for what it returns: it is the step's contract.")
    parameters = inspect.signature(function).parameters.values()
    context = next((each.name for each in parameters if hints.get(each.name) is StepContext), None)
    fields: dict[str, Any] = {
        each.name: _field(name, each, hints) for each in parameters if each.name != context
    }
    arguments = create_model(
        function.__name__, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields
    )
    result = TypeAdapter[Any](hints["return"])
    return StepFunction(name, function, arguments, result, context, effects, stand_in)


def _field(name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[Any, Any]:
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        raise TypeError(f"{name}: *{parameter.name} has no contract; name each argument.")
    if parameter.name not in hints:
        raise TypeError(f"{name}: argument {parameter.name} needs a type hint.")
    required = parameter.default is parameter.empty
    return hints[parameter.name], ... if required else parameter.default


def load_functions() -> Mapping[str, StepFunction]:
    """Import the modules of STEP_MODULES once and return what they registered.

    Raises: UnknownFunction, if a listed module cannot be imported.
    """
    with _loading:
        for module in settings.STEP_MODULES:
            try:
                importlib.import_module(module)
                _imported.add(module)
            except ImportError as error:
                raise UnknownFunction(
                    f"The module {module!r} of STEP_MODULES cannot be imported: {error}. "
                    "Install it or take it off the list."
                ) from error
    allowed = set(settings.STEP_MODULES)
    return {name: each for name, each in _FUNCTIONS.items() if name.partition(":")[0] in allowed}


def get_function(name: str) -> StepFunction:
    """Return a registered function of an allowlisted module. Raises: UnknownFunction."""
    module = name.partition(":")[0]
    # Looked up for every step that runs: what is imported needs no lock. A module that another
    # thread is still importing has registered functions already, whose globals are not all there.
    if module in _imported and name in _FUNCTIONS and module in settings.STEP_MODULES:
        return _FUNCTIONS[name]
    functions = load_functions()
    if name in functions:
        return functions[name]
    if module not in settings.STEP_MODULES:
        raise UnknownFunction(
            f"{name!r} is not a step: its module is not allowed. "
            f"Add {module!r} to the setting STEP_MODULES."
        )
    known = ", ".join(sorted(functions)) or "none"
    raise UnknownFunction(
        f"{name!r} is not a step: decorate it with @step. Steps there are: {known}."
    )


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
            description="A function decorated with @step, as module:name. Its module must be "
            "listed in the setting STEP_MODULES.",
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

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        found = self._find(config)
        return found is not None and found.effects

    def check(self, step: Step) -> Sequence[Problem]:
        try:
            function = get_function(text_of(step.config.get("function")))
        except UnknownFunction as error:
            return [_problem(step, "function", str(error), "Choose a registered function.")]
        return list(_argument_problems(step, function))

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
            f"{function.name} acts on the outside world. Give the step a stub with its output.",
            kind="unstubbed",
            retryable=False,
        )
    value = function.call(config.args, ctx, rehearsing=rehearsing)
    if inspect.isawaitable(value):
        return _finish(function, value)
    return Result(output=function.output(value))


async def _finish(function: StepFunction, value: Awaitable[Any]) -> Result:
    return Result(output=function.output(await value))


def _argument_problems(step: Step, function: StepFunction) -> Iterator[Problem]:
    """Compare the names of the arguments; their values are known only when a run is there."""
    args = step.config.get("args") or {}
    given = set(args) if isinstance(args, Mapping) else set()
    fields = function.arguments.model_fields
    for name in sorted(given - set(fields)):
        message = f"{function.name} has no parameter {name!r}."
        yield _problem(step, f"args.{name}", message, f"It takes: {', '.join(fields) or 'none'}.")
    for name, field in fields.items():
        if field.is_required() and name not in given:
            message = f"{function.name} needs the argument {name!r}."
            yield _problem(step, "args", message, f"Add {name!r} to the arguments.")


def _problem(step: Step, field: str, message: str, remedy: str) -> Problem:
    return Problem("error", "python.contract", step.id, f"with.{field}", message, remedy)
