"""The step type `model.infer`: ask a model, and keep its reasons and its provenance."""

from collections.abc import Awaitable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic import Field

from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import Problem, error
from flows.steps import asking, models
from flows.steps.base import (
    BUDGET,
    DestinationLimit,
    Json,
    ModelUse,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.batching import Batch, ask_together
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.registry import register
from flows.steps.routed import RoutedCall
from flows.steps.routing import Figures, Routing, list_named
from flows.steps.routing_check import check_routing


@register
class ModelInfer(RunningStep):
    name = "model.infer"
    title = "Model"
    summary = "Asks a model"
    icon = "brain"
    category = "Models"
    asks_model = True

    class Config(StepConfig):
        model: str = Field(
            title="Model",
            description="The name of a registered model, or of a connection.",
            examples=["scorecard"],
        )
        input: Json = Field(
            title="Input", description="What the model is given.", examples=["${ input }"]
        )
        parameters: dict[str, Json] = Field(
            default_factory=dict,
            title="Parameters",
            description="Passed to the model and kept in the provenance.",
        )
        timeout_seconds: float = Field(
            default=30, gt=0, le=600, title="Timeout in seconds", description="For model servers."
        )
        routing: Routing = Field(default_factory=Routing, title="Routing")
        batch: Batch | None = Field(
            None,
            title="Batch",
            description="Ask for several runs in one call, where the model takes that.",
        )

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "prediction": {"type": "object"},
                "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "reasons": {"type": "array", "items": _REASON_SCHEMA},
                "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
            },
            "required": ["prediction", "confidence", "reasons", "contributions"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("model")) or "Choose a model"

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        named = [text_of(config.get("model")), *(name for _, name in list_named(config))]
        return (BUDGET,) if any(map(_may_be_paid, named)) else ()

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        name = text_of(config.get("model"))
        own = [] if not name or "${" in name else [ModelUse("with.model", name)]
        return [*own, *(ModelUse(format_path(path), name) for path, name in list_named(config))]

    def check(self, step: Step) -> Sequence[Problem]:
        return [*check_routing(step), *_check_batch(step)]

    def destination(self, config: Config) -> str | None:
        """Return the model's; None where several may be asked, whose provider guards each call."""
        if config.routing.is_used:
            return None
        try:
            return asking.destination_of(_find_provider(config.model), config.model)
        except (models.UnknownModel, UnknownFunction, asking.UseRefused):
            return None

    def destination_limit(self, config: Config) -> DestinationLimit | None:
        try:
            return asking.limit_of(_find_provider(config.model), config.model)
        except (models.UnknownModel, UnknownFunction, asking.UseRefused):
            return None

    def list_revisions(self, config: Config, flow: str) -> Mapping[str, str]:
        asked = [config.model, *config.routing.list_names()]
        return asking.list_revisions(_find_provider, asked, flow)

    def run(self, ctx: StepContext, config: Config) -> Result | Awaitable[Result]:
        if config.batch is not None and not config.routing.is_used:
            return _AskedTogether.begin(ctx, config, config.batch)
        return _run(ctx, config, ctx.idempotency_key, with_shadows=True)

    def rehearse(self, ctx: StepContext, config: Config) -> Result:
        # Rehearsals count activations as runs do: with the keys of one, a server that remembers
        # them would give the answers of another.
        return _run(ctx, config, f"rehearsal-{uuid4()}", with_shadows=False)


def _run(ctx: StepContext, config: ModelInfer.Config, key: str, *, with_shadows: bool) -> Result:
    ask = partial(_ask, ctx, config, key)
    if not config.routing.is_used:
        return ask(config.model)
    call = RoutedCall(ctx, config.model, config.routing, ask, "prediction")
    return call.run(_find_figures, with_shadows=with_shadows)


def _ask(ctx: StepContext, config: ModelInfer.Config, key: str, model: str) -> Result:
    """Return the answer of one model. Raises: StepFailure."""
    with _explaining(ctx, model):
        provider = _find_provider(model)
        asking.ask_policies(provider, model)
        inference = provider.infer(_make_request(ctx, config, key, model))
    return _to_result(inference)


def _make_request(
    ctx: StepContext, config: ModelInfer.Config, key: str, model: str
) -> models.InferenceRequest:
    routed = config.routing.is_used
    return models.InferenceRequest(
        model=model,
        input=config.input,
        parameters=config.parameters,
        # Two connections may lead to one server, which must not take one call for the other.
        idempotency_key=f"{key}-{model}" if routed else key,
        timeout_seconds=config.timeout_seconds,
        flow=ctx.flow,
        run_id=ctx.run_id,
        now=ctx.now,
        routed=routed,
    )


@contextmanager
def _explaining(ctx: StepContext, model: str) -> Iterator[None]:
    """Turn what a provider raises into a failure of the step."""
    try:
        yield
    except (models.UnknownModel, UnknownFunction, asking.UseRefused) as reason:
        raise StepFailure(str(reason), kind="config", retryable=False) from reason
    except models.InputRefused as reason:
        raise StepFailure(
            f"Step {ctx.step_id!r}: the model {model} refuses its input: "
            f"`{reason.field}` {reason}.",
            kind="contract",
            retryable=False,
            detail={"errors": [{"field": reason.field, "message": str(reason)}]},
        ) from reason


class _AskedTogether:
    """An activation that shares a call. It is awaited on the event loop, where the others are.

    No coroutine, which a worker that stops would leave behind without having awaited it.
    """

    def __init__(
        self, ctx: StepContext, config: ModelInfer.Config, batch: Batch, by: models.ModelProvider
    ) -> None:
        self._ctx, self._config, self._batch, self._provider = ctx, config, batch, by

    @classmethod
    def begin(
        cls, ctx: StepContext, config: ModelInfer.Config, batch: Batch
    ) -> "Result | _AskedTogether":
        """Return the answer of a model that takes one input alone, else what will be it."""
        with _explaining(ctx, config.model):
            provider = _find_provider(config.model)
        takes_many = isinstance(provider, models.BatchingProvider) and provider.takes_many(
            config.model
        )
        if not takes_many:
            return _ask(ctx, config, ctx.idempotency_key, config.model)
        with _explaining(ctx, config.model):
            asking.ask_policies(provider, config.model)
        return cls(ctx, config, batch, provider)

    def __await__(self) -> Generator[Any, None, Result]:
        return self._finish().__await__()

    async def _finish(self) -> Result:
        key = self._ctx.idempotency_key
        request = _make_request(self._ctx, self._config, key, self._config.model)
        with _explaining(self._ctx, self._config.model):
            return _to_result(await ask_together(self._provider, request, self._batch))


def _to_result(inference: models.Inference) -> Result:
    return Result(output=_to_output(inference), provenance=inference.provenance.as_json())


def _check_batch(step: Step) -> Iterator[Problem]:
    routing = step.config.get("routing")
    others = ("then", "shares", "shadow")
    is_routed = isinstance(routing, Mapping) and any(routing.get(each) for each in others)
    if step.config.get("batch") and is_routed:
        yield error(
            "batch.routing", step.id, "with.batch",
            "A step that chooses among several models asks for each run by itself.",
            "Remove `batch`, or `routing`.",
        )  # fmt: skip


def _find_figures(model: str) -> Figures:
    try:
        return asking.figures_of(_find_provider(model), model)
    except (models.UnknownModel, UnknownFunction, asking.UseRefused):
        return Figures()


def _may_be_paid(model: str) -> bool:
    """Return whether a call of the model can cost something; one that a run chooses may.

    What this process computes is paid to nobody. Where others are served is not looked up: a
    document is also validated where there is no database.
    """
    try:
        load_functions()
    except UnknownFunction:
        return False
    return bool(model) and model not in models.LOCAL.models()


def _find_provider(model: str) -> models.ModelProvider:
    # The modules that register functions register local models too.
    load_functions()
    try:
        return models.find_provider(model)
    except models.UnknownModel:
        if (refused := asking.explain_absence(models.list_providers(), model)) is not None:
            raise refused from None
        raise


def _to_output(inference: models.Inference) -> dict[str, Json]:
    """Return the inference as JSON, with reasons in the form that a checkpoint shows."""
    return {
        "prediction": dict(inference.output),
        "confidence": inference.confidence,
        "reasons": [
            {
                "label": reason.label,
                "value": reason.text or reason.value,
                "contribution": reason.contribution,
            }
            for reason in inference.reasons
        ],
        "contributions": {reason.feature: reason.contribution for reason in inference.reasons},
    }


_REASON_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "value": {},
        "contribution": {"type": "number"},
    },
    "required": ["label", "contribution"],
}
