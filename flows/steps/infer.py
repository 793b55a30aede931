"""The step type `model.infer`: ask a model, and keep its reasons and its provenance."""

from collections.abc import Mapping, Sequence

from pydantic import Field

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

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        name = text_of(config.get("model"))
        return () if not name or "${" in name else (ModelUse("with.model", name),)

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        name = text_of(config.get("model"))
        try:
            load_functions()
        except UnknownFunction:
            return ()
        # What this process computes is paid to nobody. Where others are served is not looked up:
        # a document is also validated where there is no database.
        return () if not name or name in models.LOCAL.models() else (BUDGET,)

    def destination(self, config: Config) -> str | None:
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
        request = models.InferenceRequest(
            model=config.model,
            input=config.input,
            parameters=config.parameters,
            idempotency_key=ctx.idempotency_key,
            timeout_seconds=config.timeout_seconds,
            flow=ctx.flow,
            run_id=ctx.run_id,
            now=ctx.now,
        )
        try:
            inference = _find_provider(config.model).infer(request)
        except (models.UnknownModel, UnknownFunction, asking.UseRefused) as error:
            raise StepFailure(str(error), kind="config", retryable=False) from error
        except models.InputRefused as error:
            raise StepFailure(
                f"Step {ctx.step_id!r}: the model {config.model} refuses its input: "
                f"`{error.field}` {error}.",
                kind="contract",
                retryable=False,
                detail={"errors": [{"field": error.field, "message": str(error)}]},
            ) from error
        return Result(output=_to_output(inference), provenance=inference.provenance.as_json())


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
