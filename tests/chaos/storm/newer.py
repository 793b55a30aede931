"""Code that only the newer half of the workers has: a function and a step type."""

from typing import ClassVar

from flows.steps.base import Result, RunningStep, StepConfig, StepContext
from flows.steps.python import step
from flows.steps.registry import all_step_types, register
from tests.chaos.storm.steps import tell_sink


@step
def stamp(ctx: StepContext, run: str, label: str) -> str:
    tell_sink(ctx, run, label)
    return "newer"


if "storm.newer" not in {type_.name for type_ in all_step_types()}:

    @register
    class Newer(RunningStep):
        """A step type that older workers have never heard of."""

        name = "storm.newer"
        title = "Newer"
        blocking: ClassVar[bool] = True

        class Config(StepConfig):
            run: str
            label: str

        def run(self, ctx: StepContext, config: Config) -> Result:
            tell_sink(ctx, config.run, config.label)
            return Result("newer")
