"""The step type `model.infer`: ask a model, and keep its reasons and its provenance."""

from collections.abc import Mapping, Sequence
from functools import partial

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

    def run(self, ctx: StepContext, config: Config) -> Result:
        return _run(ctx, config, with_shadows=True)

    def rehearse(self, ctx: StepContext, config: Config) -> Result:
        return _run(ctx, config, with_shadows=False)


def _run(ctx: StepContext, config: ModelInfer.Config, *, with_shadows: bool) -> Result:
    if not config.routing.is_used:
        return _ask(ctx, config, config.model)
    call = RoutedCall(ctx, config.model, config.routing, partial(_ask, ctx, config), "prediction")
    return call.run(_find_figures, with_shadows=with_shadows)


def _ask(ctx: StepContext, config: ModelInfer.Config, model: str) -> Result:
    """Return the answer of one model. Raises: StepFailure."""
    routed = config.routing.is_used
    request = models.InferenceRequest(
        model=model,
        input=config.input,
        parameters=config.parameters,
        # Two connections may lead to one server, which must not take one call for the other.
        idempotency_key=f"{ctx.idempotency_key}-{model}" if routed else ctx.idempotency_key,
        timeout_seconds=config.timeout_seconds,
        flow=ctx.flow,
        run_id=ctx.run_id,
        now=ctx.now,
        routed=routed,
    )
    try:
        inference = _find_provider(model).infer(request)
    except (models.UnknownModel, UnknownFunction, asking.UseRefused) as error:
        raise StepFailure(str(error), kind="config", retryable=False) from error
    except models.InputRefused as error:
        raise StepFailure(
            f"Step {ctx.step_id!r}: the model {model} refuses its input: `{error.field}` {error}.",
            kind="contract",
            retryable=False,
            detail={"errors": [{"field": error.field, "message": str(error)}]},
        ) from error
    return Result(output=_to_output(inference), provenance=inference.provenance.as_json())


def _find_figures(model: str) -> Figures:
    try:
        return asking.figures_of(_find_provider(model), model)
    except (models.UnknownModel, UnknownFunction, asking.UseRefused):
        return Figures()


def _may_be_paid(model: str) -> bool:
    """Return whether a call of the model can cost something; one that a run chooses may."""
    if "${" in model:
        return True
    try:
        # What this process computes is paid to nobody.
        return not isinstance(_find_provider(model), models.LocalProvider)
    except asking.UseRefused:
        return True
    except (models.UnknownModel, UnknownFunction):
        return False


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
