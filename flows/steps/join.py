"""The step type `join`: parallel paths meet. The engine plays it (flows.engine.planner)."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from flows.graph.model import Step
from flows.graph.problems import Problem
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
        mode: Literal["all", "any", "count", "threads"] = Field(
            default="all",
            title="Wait for",
            description="all: every path that can still arrive. any: the first. "
            "count: as many paths as `n` says. threads: every arrival counts, also several by one "
            "path; `n` of them, or without `n` all that can still come.",
        )
        n: int | None = Field(
            default=None, ge=1, title="How many", description="For the modes count and threads."
        )
        cancel_others: bool = Field(
            default=False,
            title="Cancel the others",
            description="Once it goes on, cancel the paths that have not arrived.",
        )
        blocking: bool = Field(
            default=False,
            title="One round at a time",
            description="For any and count: having gone on, it does not go on again before the "
            "other paths have arrived too, or can no longer arrive.",
        )

        @model_validator(mode="after")
        def check_n(self) -> "Join.Config":
            if self.mode == "count" and self.n is None:
                raise ValueError("the mode count needs `n`, the number of paths to wait for")
            if self.mode in {"all", "any"} and self.n is not None:
                raise ValueError(f"`n` has no meaning in the mode {self.mode}: set mode: count")
            return self

    def describe(self, config: Mapping[str, Json]) -> str:
        mode, n = config.get("mode", "all"), config.get("n")
        words = {
            "any": "The first path goes on",
            "count": f"{n or '?'} paths go on",
            "threads": f"{n} arrivals go on as one" if n else "Every arrival goes on as one",
        }
        line = words.get(mode if isinstance(mode, str) else "all", "Waits for every path")
        return f"{line}, the others stop" if config.get("cancel_others") is True else line

    def check(self, step: Step) -> Sequence[Problem]:
        """Return what ``Config`` would refuse: the engine plays a join from its raw config."""
        mode, n = step.config.get("mode", "all"), step.config.get("n")
        if mode == "count" and n is None:
            return [
                _make_problem(step, "The mode count needs `n`.", "Say how many paths to wait for.")
            ]
        if mode in ("all", "any") and n is not None:
            remedy = "Remove it, or set mode: count."
            return [_make_problem(step, f"`n` has no meaning in the mode {mode}.", remedy)]
        return ()


def _make_problem(step: Step, message: str, remedy: str) -> Problem:
    return Problem("error", "config.wrong", step.id, "with.n", message, remedy)
