"""The step types `cancel` and `compensate`: the engine itself plays them."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.base import ControlStep, Json, StepConfig
from flows.steps.registry import register


@register
class Cancel(ControlStep):
    name = "cancel"
    title = "Cancel a region"
    summary = "Cancels what stands on some steps"
    icon = "circle-x"
    category = "Logic"

    class Config(StepConfig):
        steps: list[str] = Field(
            min_length=1,
            title="Steps",
            description="What stands on these steps is cancelled: work, waits and cases.",
            examples=[["remind", "review"]],
        )

    def describe(self, config: Mapping[str, Json]) -> str:
        steps = config.get("steps")
        named = ", ".join(map(str, steps)) if isinstance(steps, Sequence) else ""
        return f"Cancels {named}" if named else self.summary

    def check(self, step: Step) -> Sequence[Problem]:
        return ()


@register
class Compensate(ControlStep):
    name = "compensate"
    title = "Compensate"
    summary = "Undoes what was done, newest first"
    icon = "undo-2"
    category = "Logic"
