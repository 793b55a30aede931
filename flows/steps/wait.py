"""The step type `wait`: go on after some time, or at an instant."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import AwareDatetime, Field, model_validator

from flows.steps.base import Json, Opened, StepConfig, StepContext, WaitingStep, text_of
from flows.steps.registry import register

LONGEST_SECONDS = 366 * 24 * 3600


@register
class Wait(WaitingStep):
    name = "wait"
    title = "Wait"
    summary = "Goes on later"
    icon = "timer"
    category = "Logic"

    class Config(StepConfig):
        seconds: float | None = Field(
            default=None,
            ge=0,
            le=LONGEST_SECONDS,
            title="For seconds",
            description="How long to wait. Give this or `until`.",
            examples=[3600],
        )
        until: AwareDatetime | None = Field(
            default=None,
            title="Until",
            description="The instant to go on at, with its offset from UTC. One that has passed "
            "does not wait.",
            examples=["2026-01-31T09:00:00+01:00"],
        )

        @model_validator(mode="after")
        def check_one_is_given(self) -> "Wait.Config":
            if (self.seconds is None) == (self.until is None):
                raise ValueError("give either `seconds` or `until`, and not both")
            return self

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {"type": "object"}

    def describe(self, config: Mapping[str, Json]) -> str:
        if config.get("until") is not None:
            return f"Until {text_of(config['until']) or '?'}"
        seconds = config.get("seconds")
        return "Choose how long" if seconds is None else f"For {_format_duration(seconds)}"

    def open(self, ctx: StepContext, config: Config) -> Opened:
        due_at = config.until or ctx.now + timedelta(seconds=config.seconds or 0)
        return Opened(
            kind="timer", due_at=max(due_at, ctx.now), detail={"until": due_at.isoformat()}
        )


def _format_duration(seconds: Json) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return text_of(seconds) or "?"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
