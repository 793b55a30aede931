"""The base classes of step types, and what they take and give.

A type *runs* (a worker calls ``run``), *waits* (``open`` makes a durable wait inside the engine's
transaction, and something resolves it later) or is played by the engine itself. Timers, events,
child runs and human reviews are all waits.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.graph.reaching import Reaching
from flows.graph.rework import Asking

Json = Any

# The port, and the kind of failure, of a call that was not made because a budget is spent.
BUDGET = "budget"


class ModelUse(NamedTuple):
    """A model that a step's config names, and the field in which it does.

    ``serves`` is ``model`` for what `model.infer` asks, ``language`` for a language model.
    """

    field: str
    model: str
    serves: Literal["model", "language"] = "model"


# A field of this type holds a CEL expression without `${ … }`, which the step evaluates itself. In
# every other field, `${ … }` is evaluated before the step gets its config.
Cel = Annotated[str, Field(json_schema_extra={"format": "cel"})]


class StepConfig(BaseModel):
    """The fields of a type's ``with``. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Result:
    """How an activation ended: its port and its output.

    ``ports`` is for an inclusive choice, which leaves by several ports; it then replaces ``port``.
    ``provenance`` says what made the output: model, version, parameters, tokens, cost, latency_ms.
    """

    output: Json = None
    port: str = "done"
    ports: tuple[str, ...] | None = None
    provenance: Mapping[str, Json] | None = None


class StepFailure(Exception):
    """An attempt failed.

    ``kind`` is its class (``timeout``, ``http``, ``contract`` …). If ``retryable`` is False, the
    step leaves by its error port at once. ``retry_after_seconds`` is what the destination asks for.
    ``provenance`` says what was asked and paid for, where a server answered what does not fit.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "failed",
        retryable: bool = True,
        retry_after_seconds: float | None = None,
        detail: Mapping[str, Json] | None = None,
        provenance: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds
        self.detail = dict(detail or {})
        self.provenance = provenance


def as_failure(error: Exception) -> StepFailure:
    """Return the failure that a step has by this error, so that it can say what has been paid."""
    if isinstance(error, StepFailure):
        return error
    kind = "timeout" if isinstance(error, TimeoutError) else "exception"
    failure = StepFailure(f"{type(error).__name__}: {error}", kind=kind)
    failure.__cause__ = error
    return failure


class CodeMissing(StepFailure):
    """This process lacks the code that the step names. A worker with newer code may have it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="config", retryable=False)


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step knows of its activation. ``idempotency_key`` is the same for each attempt."""

    run_id: int
    flow: str
    version: int
    step_id: str
    token_id: int
    activation: int
    attempt: int
    input: Json
    bindings: Mapping[str, Json]
    now: datetime
    wait_id: int | None = None
    # The numbers of the versions of assets (``prompt/NAME``) that the flow's version was made with.
    pins: Mapping[str, int] = field(default_factory=dict)
    is_cancelled: Callable[[], bool] = field(default=lambda: False)

    @property
    def idempotency_key(self) -> str:
        return f"run-{self.run_id}-{self.token_id}-{self.activation}"


@dataclass(frozen=True, slots=True)
class DestinationLimit:
    """How many calls of a destination may be under way, and how many may begin in a second."""

    concurrency: int | None = None
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A wait that was opened.

    ``detail`` is kept with the wait and journaled; ``match``, by which it is found, is only kept.
    With ``due_at`` the clock resolves it by the port ``due_port``. With ``resolved`` there is
    nothing to wait for, and the step leaves at once with that result.
    """

    kind: str
    key: str = ""
    detail: Mapping[str, Json] = field(default_factory=dict)
    match: Mapping[str, Json] = field(default_factory=dict)
    due_at: datetime | None = None
    due_port: str = "done"
    resolved: Result | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """How a wait will look to people: a template, its context and style sheets (static files)."""

    template: str
    context: Mapping[str, Any]
    styles: tuple[str, ...] = ()


class PreviewUnfit(ValueError):
    """The config cannot be previewed. The message says what is missing or wrong."""


class StepType:
    """A type of step, as the palette, the form, the validator and the card need to know it."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str] = ""
    icon: ClassVar[str] = "box"
    category: ClassVar[str] = "Steps"
    waits: ClassVar[bool] = False
    # Whether the ledger keeps a seal of each output (``flows.runtime.sealing``).
    seals_output: ClassVar[bool] = False
    # The type that expands to documents with this one, where no other document may have it.
    part_of: ClassVar[str] = ""
    # Fields of the config whose `${ … }` the step evaluates itself, once it knows more.
    late_fields: ClassVar[frozenset[str]] = frozenset()
    # Fields that hold nothing but a secret, and fields in whose texts secrets may stand beside
    # others. Elsewhere no secret is given.
    secret_fields: ClassVar[tuple[str, ...]] = ()
    may_hold_secrets: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[StepConfig]] = StepConfig

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return the ports for this raw config, without ``error``, which every type has.

        The config comes from a draft and may be incomplete or wrong: never raise.
        """
        return ("done",)

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return further ports, by which a step leaves only where an edge takes them.

        Without one it fails as it would by ``error``. Never raise.
        """
        return ()

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the JSON Schema of the output; ``{}`` promises nothing."""
        return {}

    def describe(self, config: Mapping[str, Json]) -> str:
        """Return the line of text on the step's card. Never raise."""
        return self.summary

    def destination(self, config: Any) -> str | None:
        """Return the service that a call with this rendered config needs, such as ``host:port``.

        Calls to it share a circuit breaker. None for what runs in this process.
        """
        return None

    def destination_limit(self, config: Any) -> DestinationLimit | None:
        """Return the limit on all calls of this rendered config's destination, or None."""
        return None

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        """Return whether a rerun with this raw config would change the outside world again.

        The config may be incomplete or wrong: never raise.
        """
        return False

    def list_secret_places(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return the paths in which secrets may stand with this raw config. Never raise."""
        return (*self.secret_fields, *self.may_hold_secrets)

    def reads_run(self, config: Mapping[str, Json]) -> bool:
        """Return whether a step with this raw config reads more of its run than the config names.

        Its result then depends on the run's input and the outputs it names. Never raise.
        """
        return False

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        """Return the models that this raw config names. Never raise.

        Whether there are such, and the flow may ask them, is checked with every draft and version.
        """
        return ()

    def list_revisions(self, config: Any, flow: str) -> Mapping[str, str]:
        """Return the state of each model that this rendered config asks, for the flow that asks.

        A kept result is taken again only for the same ones. Never raise.
        """
        return {}

    def expand(self, flow: str, step: Step) -> Mapping[str, Json] | None:
        """Return the document of the runs that this step of a flow starts, None for a plain type.

        It is made when the flow is published, and is a part of its version.
        """
        return None

    def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return the assets that a step with this raw config uses, such as ``prompt/NAME``.

        A flow's version pins the version of each. Never raise.
        """
        return ()

    def check(self, step: Step) -> Sequence[Problem]:
        """Return problems that the config's schema does not find. Never raise, as it is raw."""
        return ()

    def asking(self, config: Mapping[str, Json]) -> Asking | None:
        """Return how a step with this raw config asks people to decide, None if it does not.

        Never raise.
        """
        return None

    def reaches(self, flow: str, step: Step) -> Sequence[Reaching]:
        """Return what the step does to other flows, their runs or their triggers.

        Publishing asks for the rights that each takes. The config is raw: never raise.
        """
        return ()


class RunningStep(StepType):
    """A type that a worker calls. ``effects`` says that a call changes the outside world.

    ``blocking`` types run in a thread. Types that are cheap and pure, or async, set it to False and
    run on the worker's event loop.
    """

    blocking: ClassVar[bool] = True
    effects: ClassVar[bool] = False
    # A backtest takes a model's answers from the journal, unless it is told to ask again.
    asks_model: ClassVar[bool] = False

    def may_ask(self, config: Mapping[str, Json]) -> bool:
        """Return whether a step with this raw config asks a model. Never raise."""
        return self.asks_model

    def has_effects(self, config: Mapping[str, Json]) -> bool:
        """Return whether a call with this raw config changes the outside world. Never raise."""
        return self.effects

    def needs_stub(self, config: Mapping[str, Json]) -> bool:
        """Return whether ``rehearse`` cannot stand in for ``run``. Never raise."""
        return self.has_effects(config)

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        return self.effects

    def run(self, ctx: StepContext, config: Any) -> "Result | Awaitable[Result]":
        raise NotImplementedError

    def rehearse(self, ctx: StepContext, config: Any) -> "Result | Awaitable[Result]":
        """Stand in for ``run`` in tests, previews and backtests, which must change nothing outside.

        A type with ``effects`` needs a stub, unless it overrides this.
        """
        if self.effects:
            raise StepFailure(
                f"Step {ctx.step_id!r} acts on the outside world. Give it a stub with its output.",
                kind="unstubbed",
                retryable=False,
            )
        return self.run(ctx, config)


class WaitingStep(StepType):
    """A type that opens a wait. ``open`` runs inside the engine's transaction: be brief."""

    waits: ClassVar[bool] = True
    asks_people: ClassVar[bool] = False
    # Whether each step of it expands to a document, of which its wait starts a run.
    has_parts: ClassVar[bool] = False

    def may_ask_people(self, config: Mapping[str, Json]) -> bool:
        """Return whether people may decide something at a step with this config. Never raise."""
        return self.asks_people

    def example_output(self, config: Mapping[str, Json], port: str) -> Json:
        """Return an output that the wait could be resolved with, for a test. Never raise."""
        return {}

    def preview(self, config: Mapping[str, Json]) -> Preview | None:
        """Return what people will see, rendered as far as possible, or None if they see nothing.

        Raises: PreviewUnfit, with what is missing.
        """
        return None

    def open_part(self, config: Any) -> Json:
        """Return the input of the run of its part that a step with this rendered config starts."""
        return {}

    def leave_part(self, outcome: str, output: Json, run_id: int) -> Result | None:
        """Return how a step leaves by the end of that run, None if it fails."""
        return None

    def minutes_each(self, flow: str, step: str) -> float | None:
        """Return how many minutes of a person's time one wait has taken, or None if unknown."""
        return None

    def open(self, ctx: StepContext, config: Any) -> Opened:
        raise NotImplementedError

    def cancel(self, wait_id: int, now: datetime) -> None:
        """Undo what ``open`` made, in the engine's transaction. The wait is closed already."""


class ControlStep(StepType):
    """A type that the engine plays itself, such as join and end. It neither runs nor waits."""


def text_of(value: Json) -> str:
    """Return a value of a raw config if it is text, else an empty text."""
    return value if isinstance(value, str) else ""
