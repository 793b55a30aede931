"""The step type `model.infer`: ask a model, and keep its reasons and its provenance."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic import Field

from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import Problem
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
from flows.steps.batching import (
    Batch,
    ask_together,
    ask_together_in_thread,
    follow_in_thread,
)
from flows.steps.calibrated import Calibrated, Calibrator, find_calibrator
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
            json_schema_extra={"picks": "model"},
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
        confidence: Calibrated = Field(default_factory=Calibrated, title="Confidence")
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
        return check_routing(step)

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
        if config.batch is None:
            return _run(ctx, config, ctx.idempotency_key, with_shadows=True)
        if config.routing.is_used:
            return _Awaited(partial(_follow_together, ctx, config, config.batch))
        provider = _find_batching(ctx, config.model)
        if provider is None:
            return _ask(ctx, config, ctx.idempotency_key, config.model)
        with _explaining(ctx, config.model):
            asking.ask_policies(provider, config.model)
        # Found here: where the answer is awaited, no query may be made.
        calibrator = find_calibrator(ctx.flow, config.model, config.confidence.calibrated)
        return _Awaited(partial(_ask_together, ctx, config, config.batch, provider, calibrator))

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
    calibrator = find_calibrator(ctx.flow, model, config.confidence.calibrated)
    with _explaining(ctx, model):
        provider = _find_provider(model)
        asking.ask_policies(provider, model)
        inference = provider.infer(_make_request(ctx, config, key, model))
    return calibrator.apply(_to_result(inference))


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


# --- Together with other activations --------------------------------------------------------


class _Awaited:
    """What is awaited on the event loop, where the others are.

    No coroutine, which a worker that stops would leave behind without having awaited it.
    """

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, Result]]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, None, Result]:
        return self._begin().__await__()


def _find_batching(ctx: StepContext, model: str) -> models.ModelProvider | None:
    """Return who answers many inputs of the model at once, None if nobody. Raises: StepFailure."""
    with _explaining(ctx, model):
        provider = _find_provider(model)
    takes_many = isinstance(provider, models.BatchingProvider) and provider.takes_many(model)
    return provider if takes_many else None


async def _ask_together(
    ctx: StepContext,
    config: ModelInfer.Config,
    batch: Batch,
    provider: models.ModelProvider,
    calibrator: Calibrator,
) -> Result:
    request = _make_request(ctx, config, ctx.idempotency_key, config.model)
    with _explaining(ctx, config.model):
        inference = await ask_together(provider, request, batch)
    return calibrator.apply(_to_result(inference))


async def _follow_together(ctx: StepContext, config: ModelInfer.Config, batch: Batch) -> Result:
    """Follow the route in a thread. Each model of it is asked with the others that are there."""

    def shares_call(model: str) -> bool:
        try:
            return _find_batching(ctx, model) is not None
        except StepFailure:
            return False

    ask = partial(_ask_on_route, asyncio.get_running_loop(), ctx, config, batch)
    call = RoutedCall(ctx, config.model, config.routing, ask, "prediction", shares_call=shares_call)
    return await follow_in_thread(partial(call.run, _find_figures, with_shadows=True))


def _ask_on_route(
    loop: asyncio.AbstractEventLoop,
    ctx: StepContext,
    config: ModelInfer.Config,
    batch: Batch,
    model: str,
) -> Result:
    """Return the answer of one model of a route, asked with others if it takes many inputs.

    Raises: StepFailure.
    """
    provider = _find_batching(ctx, model)
    if provider is None:
        return _ask(ctx, config, ctx.idempotency_key, model)
    # Each input is held by itself here: whoever makes the call for all holds none again.
    request = replace(_make_request(ctx, config, ctx.idempotency_key, model), routed=False)
    calibrator = find_calibrator(ctx.flow, model, config.confidence.calibrated)
    with _explaining(ctx, model), asking.holding(provider, model):
        asking.ask_policies(provider, model)
        inference = ask_together_in_thread(loop, provider, request, batch)
    return calibrator.apply(_to_result(inference))


def _to_result(inference: models.Inference) -> Result:
    return Result(output=_to_output(inference), provenance=inference.provenance.as_json())


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
