"""The step type `transform`: make new values from earlier ones, without calling anything."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from flows.steps.base import Json, Result, RunningStep, StepConfig, StepContext
from flows.steps.registry import register


@register
class Transform(RunningStep):
    name = "transform"
    title = "Transform"
    summary = "Makes new values from earlier ones"
    icon = "arrow-right-left"
    category = "Logic"
    blocking: ClassVar[bool] = False

    class Config(StepConfig):
        output: Json = Field(
            title="Output",
            description="Any JSON. `${ … }` is replaced by its value: alone in a text it keeps "
            "its type, inside a longer text it becomes text.",
            examples=[{"amount": "${ input.amount }", "label": "Loan of ${ input.amount }"}],
        )

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return _infer_schema(config.get("output"))

    def describe(self, config: Mapping[str, Json]) -> str:
        output = config.get("output")
        if not isinstance(output, Mapping) or not output:
            return self.summary
        return "Gives " + ", ".join(str(name) for name in output)

    def run(self, ctx: StepContext, config: Config) -> Result:
        return Result(output=config.output)


def _infer_schema(value: Json) -> Mapping[str, Json]:
    """Return the schema that is known before expressions are evaluated: the names of objects."""
    if not isinstance(value, Mapping):
        return {}
    return {
        "type": "object",
        "properties": {str(name): _infer_schema(each) for name, each in value.items()},
        "required": [str(name) for name in value],
    }
