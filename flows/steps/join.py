"""The step type `join`: parallel paths meet. The engine plays it (flows.engine.planner)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from flows.steps.base import ControlStep, Json, StepConfig
from flows.steps.registry import register


@register
class Join(ControlStep):
    name = "join"
    title = "Join"
    summary = "Waits for parallel paths"
    icon = "git-merge"
    category = "Logic"

    class Config(StepConfig):
        mode: Literal["all", "any", "count"] = Field(
            default="all",
            title="Wait for",
            description="all: every path that can still arrive. any: the first. "
            "count: as many as `n` says.",
        )
        n: int | None = Field(
            default=None, ge=1, title="How many", description="Only for the mode count."
        )
        cancel_others: bool = Field(
            default=False,
            title="Cancel the others",
            description="Once it goes on, cancel the paths that have not arrived.",
        )

        @model_validator(mode="after")
        def n_belongs_to_count(self) -> "Join.Config":
            if self.mode == "count" and self.n is None:
                raise ValueError("the mode count needs `n`, how many paths to wait for")
            if self.mode != "count" and self.n is not None:
                raise ValueError("`n` belongs to the mode count: remove it or set mode: count")
            return self

    def describe(self, config: Mapping[str, Json]) -> str:
        mode, n = config.get("mode", "all"), config.get("n")
        words = {"any": "The first path goes on", "count": f"{n or '?'} paths go on"}
        line = words.get(mode if isinstance(mode, str) else "all", "Waits for every path")
        return f"{line}, the others stop" if config.get("cancel_others") is True else line
