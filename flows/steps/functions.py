"""Functions as steps: registered by ``@step``, with the contract that their type hints make.

Only functions of the modules in the setting STEP_MODULES can be called.
"""

import importlib
import inspect
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar, get_type_hints, overload

from django.conf import settings
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import to_jsonable_python

from flows.steps.base import Json, StepContext, StepFailure

F = TypeVar("F", bound=Callable[..., Any])


class UnknownFunction(LookupError):
    """No allowed module has a registered function of that name. The message says what to do."""


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
    secrets: tuple[str, ...] = ()

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
        """Check the arguments and return what the function returns; an async one, a coroutine.

        Raises: StepFailure of kind ``contract``, which names the argument.
        """
        try:
            checked = self.arguments.model_validate(args)
        except ValidationError as error:
            raise self._describe_breach("argument", error) from error
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
            raise self._describe_breach("result", error) from error

    def _describe_breach(self, what: str, error: ValidationError) -> StepFailure:
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
    *,
    effects: bool = False,
    stand_in: Callable[..., Any] | None = None,
    secrets: Collection[str] = (),
) -> Callable[[F], F]: ...


def step(
    function: F | None = None,
    /,
    *,
    effects: bool = False,
    stand_in: Callable[..., Any] | None = None,
    secrets: Collection[str] = (),
) -> F | Callable[[F], F]:
    """Register a function as a step, under the name ``module:function``.

    ``effects`` says that it changes the outside world. Tests and previews then call ``stand_in``,
    which takes the same arguments, or ask for a stub. ``secrets`` names the arguments in which a
    flow may write `${ secrets.NAME }`.
    Raises: TypeError, if a type hint is missing or ``secrets`` names no argument.
    """

    def decorate(decorated: F) -> F:
        made = replace(_read_contract(decorated, effects, stand_in), secrets=tuple(secrets))
        if unknown := set(secrets) - set(made.arguments.model_fields):
            raise TypeError(f"{made.name} has no argument {', '.join(sorted(unknown))}.")
        _FUNCTIONS[made.name] = made
        return decorated

    return decorate if function is None else decorate(function)


def _read_contract(
    function: Callable[..., Any], effects: bool, stand_in: Callable[..., Any] | None
) -> StepFunction:
    name = f"{function.__module__}:{function.__qualname__}"
    if "<locals>" in name:
        raise TypeError(f"{name} cannot be a step: define it at the top level of its module.")
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise TypeError(f"{name} needs a type hint for what it returns: it is the step's contract.")
    parameters = inspect.signature(function).parameters.values()
    context = next((each.name for each in parameters if hints.get(each.name) is StepContext), None)
    fields: dict[str, Any] = {
        each.name: _read_parameter(name, each, hints) for each in parameters if each.name != context
    }
    arguments = create_model(
        function.__name__, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields
    )
    result = TypeAdapter[Any](hints["return"])
    return StepFunction(name, function, arguments, result, context, effects, stand_in)


def _read_parameter(
    name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]
) -> tuple[Any, Any]:
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        raise TypeError(f"{name}: *{parameter.name} has no contract. Name each argument instead.")
    if parameter.name not in hints:
        raise TypeError(f"{name}: the argument {parameter.name} needs a type hint.")
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
                    "Install it, or take it off the list."
                ) from error
    allowed = set(settings.STEP_MODULES)
    return {name: each for name, each in _FUNCTIONS.items() if name.partition(":")[0] in allowed}


def get_function(name: str) -> StepFunction:
    """Return a registered function of an allowlisted module. Raises: UnknownFunction."""
    module = name.partition(":")[0]
    # Every step that runs comes here, so an imported module takes no lock. A module that another
    # thread is still importing may have registered functions whose globals are not all there yet.
    if module in _imported and name in _FUNCTIONS and module in settings.STEP_MODULES:
        return _FUNCTIONS[name]
    functions = load_functions()
    if name in functions:
        return functions[name]
    if module not in settings.STEP_MODULES:
        raise UnknownFunction(
            f"The function {name!r} is not allowed as a step. "
            f"Add {module!r} to the setting STEP_MODULES."
        )
    known = ", ".join(sorted(functions)) or "none"
    raise UnknownFunction(
        f"There is no step function {name!r}. Decorate it with @step, or use one of: {known}."
    )
