"""The step type `branch`: leave by the port whose condition holds."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from flows.expressions import ExpressionError, compile_expression
from flows.steps.base import (
    Cel,
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.registry import register

PORT = r"^[a-z][a-z0-9_]{0,39}$"


class Case(StepConfig):
    """A port and the condition for it."""

    port: str = Field(
        pattern=PORT,
        title="Port",
        description="The exit's name: small letters, digits and underscores.",
        examples=["clear"],
    )
    when: Cel = Field(
        title="When",
        description="A condition that gives true or false.",
        examples=["steps.score.output.confidence >= 0.85"],
    )


@register
class Branch(RunningStep):
    name = "branch"
    title = "Branch"
    summary = "Chooses where to go on"
    icon = "split"
    category = "Logic"
    blocking: ClassVar[bool] = False

    class Config(StepConfig):
        cases: list[Case] = Field(
            min_length=1,
            title="Cases",
            description="Tried from the top. The first whose condition holds is taken.",
        )
        otherwise: str = Field(
            default="otherwise",
            pattern=PORT,
            title="Otherwise",
            description="The port if no condition holds.",
            examples=["unsure"],
        )
        inclusive: bool = Field(
            default=False,
            title="Take every case that holds",
            description="Go on by all ports whose conditions hold, at the same time.",
        )

        @model_validator(mode="after")
        def ports_are_distinct(self) -> "Branch.Config":
            """Refuse the port `error`, which failures leave by. Several cases may share a port."""
            if "error" in {self.otherwise, *(case.port for case in self.cases)}:
                raise ValueError("failures leave by the port `error`: choose another name")
            return self

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        named = [text_of(case.get("port")) for case in _list_cases(config)]
        otherwise = text_of(config.get("otherwise", "otherwise"))
        return tuple(dict.fromkeys(port for port in (*named, otherwise) if port))

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        ports = {"type": "array", "items": {"enum": list(self.ports(config))}}
        return {"type": "object", "properties": {"ports": ports}, "required": ["ports"]}

    def describe(self, config: Mapping[str, Json]) -> str:
        cases = [
            f"{text_of(case.get('when'))} → {text_of(case.get('port'))}"
            for case in _list_cases(config)
        ]
        if not cases:
            return "Add a case"
        return cases[0] if len(cases) == 1 else f"{cases[0]} (+{len(cases) - 1})"

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Leave by the first port whose condition holds, or by all if the branch is inclusive.

        Raises: StepFailure, if a condition cannot be evaluated or is neither true nor false.
        """
        taken: list[str] = []
        for index, case in enumerate(config.cases):
            if not holds(case, index, ctx):
                continue
            taken.append(case.port)
            if not config.inclusive:
                break
        ports = tuple(dict.fromkeys(taken)) or (config.otherwise,)
        several = ports if config.inclusive else None
        return Result(output={"ports": list(ports)}, port=ports[0], ports=several)


def holds(case: Case, index: int, ctx: StepContext) -> bool:
    """Return whether the case's condition is true. A condition that is wrong fails the step."""
    try:
        return compile_expression(case.when, result=bool).evaluate(ctx.bindings) is True
    except ExpressionError as error:
        raise StepFailure(
            f"Step {ctx.step_id!r}, cases[{index}].when: {error}",
            kind="expression",
            retryable=False,
            detail={"field": f"cases[{index}].when", "source": case.when},
        ) from error


def _list_cases(config: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    cases = config.get("cases")
    return [case for case in cases if isinstance(case, Mapping)] if isinstance(cases, list) else []
