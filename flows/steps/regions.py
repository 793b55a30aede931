"""The step types `cancel`, `turn` and `compensate`. The engine plays them itself."""

from collections.abc import Mapping, Sequence

from pydantic import Field

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


@register
class Turn(ControlStep):
    name = "turn"
    title = "One at a time"
    summary = "Waits until there is room in some steps"
    icon = "lock"
    category = "Logic"

    class Config(StepConfig):
        steps: list[str] = Field(
            min_length=1,
            title="Steps",
            description="Whoever comes here waits until nobody of this run is on these steps. "
            "Put a turn with the same steps before each way in.",
            examples=[["debit", "credit"]],
        )
        at_once: int = Field(
            1, ge=1, title="At once", description="How many may be on the steps at the same time."
        )

    def describe(self, config: Mapping[str, Json]) -> str:
        steps = config.get("steps")
        named = ", ".join(map(str, steps)) if isinstance(steps, Sequence) else ""
        return f"{config.get('at_once', 1)} at a time in {named}" if named else self.summary


@register
class Compensate(ControlStep):
    name = "compensate"
    title = "Compensate"
    summary = "Undoes what was done, newest first"
    icon = "undo-2"
    category = "Logic"
