"""The step type `agent.run`: a model that reaches a goal by calling tools, within limits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from pydantic import ValidationError

from flows.agents import turn  # noqa: F401 - registers its type
from flows.agents.config import TOOL_TYPES, AgentConfig, read_config
from flows.agents.expansion import build_document
from flows.calls.ends import cancel_children
from flows.calls.steps import start_children
from flows.graph.codec import parse
from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import DocumentError, Problem
from flows.graph.reaching import Reaching
from flows.graph.validation import validate
from flows.models import FlowVersion
from flows.steps.base import (
    BUDGET,
    Json,
    ModelUse,
    Opened,
    Result,
    StepContext,
    StepFailure,
    WaitingStep,
    text_of,
)
from flows.steps.catalogue import catalogue
from flows.steps.registry import get_step_type, register
from flows.steps.structured import shorten
from workbench.values.schemas import SCHEMA_ERRORS, make_validator

# By which port the step leaves, by the outcome of the agent's run.
PORTS = {"finished": "done", "exhausted": "exhausted", "taken_over": "taken_over", BUDGET: BUDGET}
PART = "agent"
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


@register
class AgentRun(WaitingStep):
    name = "agent.run"
    title = "Agent"
    summary = "Reaches a goal by calling tools"
    icon = "bot"
    category = "Models"
    late_fields = frozenset({"tools", "result"})
    has_parts = True
    may_hold_secrets: ClassVar[tuple[str, ...]] = ("tools",)

    Config = AgentConfig

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        tools = config.get("tools")
        asks = any(
            isinstance(tool, Mapping) and tool.get("ask", "never") != "never"
            for tool in (tools if isinstance(tools, list) else [])
        )
        return ("done", "exhausted", *(("taken_over",) if asks else ()))

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (BUDGET,)

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        result = config.get("result")
        return {
            "type": "object",
            "properties": {
                "result": dict(result) if isinstance(result, Mapping) and result else {},
                "turns": {"type": "integer"},
                "calls": {"type": "integer"},
                "tokens": {"type": "integer"},
                "cost": {"type": "number"},
                "run": {"type": "integer"},
            },
            "required": ["result", "turns", "calls", "tokens", "cost", "run"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        model = text_of(config.get("model"))
        tools = config.get("tools")
        count = len(tools) if isinstance(tools, list) else 0
        return f"{model}, {count} tool{'' if count == 1 else 's'}" if model else "Choose a model"

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        # What its tools do is up to the model.
        return bool(config.get("tools"))

    def may_ask_people(self, config: Mapping[str, Json]) -> bool:
        tools = config.get("tools")
        # A flow that is a tool may ask people too.
        return any(
            isinstance(tool, Mapping)
            and (tool.get("ask", "never") != "never" or tool.get("type") == "subflow")
            for tool in (tools if isinstance(tools, list) else [])
        )

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        name = text_of(config.get("model"))
        return (ModelUse("with.model", name, "language"),) if name and "${" not in name else ()

    def reaches(self, flow: str, step: Step) -> Sequence[Reaching]:
        """What its tools do: they are steps as any other."""
        tools = step.config.get("tools")
        return [
            replace(each, step=step.id, field=f"with.tools[{number}]")
            for number, tool in enumerate(tools if isinstance(tools, list) else [])
            for each in _list_reaching(flow, step.id, tool)
        ]

    def example_output(self, config: Mapping[str, Json], port: str) -> Json:
        return {"result": None, "turns": 0, "calls": 0, "tokens": 0, "cost": 0.0, "run": 0}

    def expand(self, flow: str, step: Step) -> Mapping[str, Json]:
        """Return the document that the agent is made of. Raises: ValidationError."""
        return build_document(flow, step.id, step.title, read_config(step.config))

    def check(self, step: Step) -> Sequence[Problem]:
        try:
            config = read_config(step.config)
            document = parse(build_document(PART, step.id, step.title, config))
        except ValidationError as error:
            return list(_list_value_faults(step, error))
        except DocumentError as error:
            return [_translate(step, each) for each in error.problems]
        schemas = list(_list_schema_faults(step, config))
        return schemas or list(
            _list_problems(step, validate(document, catalogue(expanding=self.name)))
        )

    def open(self, ctx: StepContext, config: AgentConfig) -> Opened:
        """Start the agent's run, of the part of this version that the step expanded to."""
        part = FlowVersion.with_parts.filter(
            flow__name=ctx.flow, number=ctx.version, part=ctx.step_id
        ).first()
        if part is None:
            raise StepFailure(
                f"Version {ctx.version} of {ctx.flow} has no agent {ctx.step_id!r}. Publish again.",
                kind="config",
                retryable=False,
            )
        [child] = start_children(ctx, part.flow, part.pk, [self.open_part(config)])
        detail = {"run": child.pk, "ports": PORTS, "flat": True}
        return Opened("child", key=f"run-{child.pk}", detail=detail)

    def open_part(self, config: AgentConfig) -> Json:
        opening = [{"role": "user", "text": config.goal}]
        if config.system:
            opening.insert(0, {"role": "system", "text": config.system})
        return {"messages": opening, "given": config.given, "files": _list_files(opening)}

    def leave_part(self, outcome: str, output: Json, run_id: int) -> Result | None:
        port = PORTS.get(outcome)
        return Result({**output, "run": run_id}, port) if port else None

    def cancel(self, wait_id: int, now: datetime) -> None:
        cancel_children(wait_id, "The run that called it was cancelled.", now)


def _list_files(opening: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the digests that the words name. The agent's run gets those that the caller holds."""
    return sorted({digest for each in opening for digest in _DIGEST.findall(each["text"])})


def _list_reaching(flow: str, step: str, tool: Json) -> Sequence[Reaching]:
    if not isinstance(tool, Mapping) or tool.get("type") not in TOOL_TYPES:
        return ()
    fixed = tool.get("with")
    made = Step(step, str(tool["type"]), config=fixed if isinstance(fixed, Mapping) else {})
    return get_step_type(made.type).reaches(flow, made)


def _list_value_faults(step: Step, error: ValidationError) -> Iterator[Problem]:
    """Yield what the fields say of one another; the schema of the config says the rest."""
    for each in error.errors(include_url=False):
        if each["type"] == "value_error":
            yield _fault(step, each["loc"], str(each["ctx"]["error"]))


def _list_schema_faults(step: Step, config: AgentConfig) -> Iterator[Problem]:
    schemas: list[tuple[tuple[str | int, ...], Mapping[str, Json]]] = [
        (("tools", n, "schema"), tool.arguments) for n, tool in enumerate(config.tools)
    ]
    for path, schema in [*schemas, (("result",), config.result)]:
        try:
            make_validator(schema)
        except SCHEMA_ERRORS as error:
            yield _fault(step, path, f"this is no JSON Schema: {shorten(str(error))}")
        else:
            # Servers take the arguments of calls as objects alone; a result comes as such a call.
            if schema and schema.get("type") != "object":
                yield _fault(step, path, "this must be the schema of an object: `type: object`")


def _fault(step: Step, path: Sequence[Any], message: str) -> Problem:
    field = format_path(("with", *path))
    sentence = message[:1].upper() + message[1:].rstrip(".") + "."
    return Problem("error", "agent.config", step.id, field, sentence, "Correct this field.")


def _list_problems(step: Step, found: Sequence[Problem]) -> Iterator[Problem]:
    """Yield the problems of the agent's document that its author can do something about."""
    for problem in found:
        if problem.severity == "error":
            yield _translate(step, problem)


def _translate(step: Step, problem: Problem) -> Problem:
    tools = step.config.get("tools")
    names = [tool.get("name") for tool in tools if isinstance(tool, Mapping)] if tools else []
    where = f"with.tools[{names.index(problem.step)}]" if problem.step in names else "with"
    return Problem("error", problem.code, step.id, where, problem.message, problem.remedy)
