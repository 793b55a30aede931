"""The step type `end`: it ends a path with an outcome. The engine plays it."""

from collections.abc import Mapping

from pydantic import Field

from flows.steps.base import ControlStep, Json, StepConfig, text_of
from flows.steps.registry import register


@register
class End(ControlStep):
    name = "end"
    title = "End"
    summary = "Ends the path"
    icon = "flag"
    category = "Logic"

    class Config(StepConfig):
        outcome: str = Field(
            default="",
            max_length=80,
            title="Outcome",
            description="How the run ended, for lists and figures.",
            examples=["approved", "${ steps.settle.output.decision }"],
        )
        output: Json = Field(
            default=None,
            title="Output",
            description="The run's output, if the flow itself does not say one.",
        )
        terminate: bool = Field(
            default=False,
            title="End the whole run",
            description="Cancel whatever else of the run is under way.",
        )

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ()

    def describe(self, config: Mapping[str, Json]) -> str:
        line = text_of(config.get("outcome")) or self.summary
        return f"{line}, and cancels the rest" if config.get("terminate") is True else line
