"""What an agent step says: its goal, its model, its tools, and its limits."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from flows.steps.base import Cel, Json, StepConfig

TOOL_NAME = r"^[a-z][a-z0-9_]{0,39}$"
# Steps and ports of the document that an agent is made of.
RESERVED = frozenset(
    {"begin", "turn", "finish", "finished", "exhausted", "again", "taken_over"}
    | {"done", "error", "limit", "budget"}
)
PREFIXES = ("ask_", "told_", "failed_", "refused_", "choice_", "end_")
# The types of tools, and where the model's arguments go in each.
ARGUMENTS_FIELD = {
    "python": "args",
    "http.request": "body",
    "subflow": "input",
    "mcp.call": "arguments",
}
TOOL_TYPES = frozenset(ARGUMENTS_FIELD)


class ToolConfig(StepConfig):
    """A tool: a step that the model may have run, with arguments of its choice."""

    name: str = Field(
        pattern=TOOL_NAME,
        title="Name",
        description="What the model calls it: small letters, digits and underscores.",
        examples=["refund"],
    )
    description: str = Field(
        min_length=1, max_length=2000, title="What it does", description="The model reads this."
    )
    type: Literal["python", "http.request", "subflow", "mcp.call"] = Field(
        title="Type", description="The step type that does it."
    )
    fixed: dict[str, Json] = Field(
        default_factory=dict,
        alias="with",
        title="Settings",
        description="The fields of that step type. The model's arguments are added: as `args` of a "
        "function, the `body` of a request (the `query` of a GET), the `input` of a flow.",
        examples=[{"function": "examples.support_triage.tools:refund"}],
    )
    arguments: dict[str, Json] = Field(
        default_factory=dict,
        alias="schema",
        title="Schema of the arguments",
        description="A JSON Schema of an object. A Python function brings its own.",
    )
    ask: Literal["never", "always", "when"] = Field(
        "never",
        title="Ask a person first",
        description="Whether people decide about each call, about none, or where `when` holds.",
    )
    when: Annotated[Cel, Field()] = Field(
        "",
        title="When to ask",
        description="A condition on `item`, which is the call's arguments.",
        examples=["item.amount > 100"],
    )

    @field_validator("name")
    @classmethod
    def is_free(cls, name: str) -> str:
        if name in RESERVED or name.startswith(PREFIXES):
            raise ValueError(f"{name!r} is a name of the agent's own: choose another")
        return name

    @model_validator(mode="after")
    def says_when(self) -> "ToolConfig":
        if (self.ask == "when") != bool(self.when):
            raise ValueError("`when` is needed with `ask: when`, and only then")
        if (field := self.arguments_field) in self.fixed:
            raise ValueError(f"`with.{field}` is the model's: leave it out")
        return self

    @property
    def arguments_field(self) -> str:
        if self.type == "http.request" and self.fixed.get("method", "GET") in {"GET", "HEAD"}:
            return "query"
        return ARGUMENTS_FIELD[self.type]


class LimitsConfig(StepConfig):
    turns: int = Field(10, ge=1, le=100, title="Turns", description="How often the model is asked.")
    tokens: int | None = Field(None, ge=1, title="Tokens")
    cost: float | None = Field(None, gt=0, title="Cost", description="In the currency of prices.")
    seconds: float | None = Field(None, gt=0, title="Seconds", description="People's time counts.")


class ReviewConfig(StepConfig):
    """Where calls that need a person wait."""

    queue: str = Field(title="Queue", description="The queue of the cases.")
    sla: str = Field(title="SLA policy")
    priority: Literal["urgent", "high", "normal", "low"] = Field("normal", title="Priority")


class AgentConfig(StepConfig):
    model: str = Field(
        title="Model",
        description="The name of a connection.",
        examples=["assistant"],
        json_schema_extra={"picks": "language"},
    )
    goal: str = Field(
        min_length=1,
        max_length=100_000,
        title="Goal",
        description="What it shall bring about.",
        examples=["Answer this request: ${ input.text }"],
    )
    system: str = Field(
        "", max_length=100_000, title="System", description="How it works, and what it must not do."
    )
    given: dict[str, Json] = Field(
        default_factory=dict,
        title="What its tools know",
        description="Values that the model does not choose. The settings of a tool, and the "
        "conditions on its calls, read them as `input.given`.",
        examples=[{"customer": "${ input.customer }"}],
    )
    tools: list[ToolConfig] = Field(
        default_factory=list, max_length=40, title="Tools", description="What it may do."
    )
    result: dict[str, Json] = Field(
        default_factory=dict,
        title="Schema of the result",
        description="A JSON Schema that the result must fit. Without one it is text.",
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig, title="Limits")
    review: ReviewConfig | None = Field(
        None, title="People", description="Needed where a tool asks a person."
    )
    temperature: float | None = Field(None, ge=0, le=2, title="Temperature")
    max_tokens: int | None = Field(None, ge=1, title="Most tokens of an answer")

    @model_validator(mode="after")
    def fits_together(self) -> "AgentConfig":
        names = [tool.name for tool in self.tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"there are two tools named {', '.join(sorted(twice))}")
        if self.review is None and any(tool.ask != "never" for tool in self.tools):
            raise ValueError("a tool asks a person: say in `review` in which queue")
        return self


def read_config(config: Mapping[str, Json]) -> AgentConfig:
    """Return the config. Raises: pydantic.ValidationError."""
    return AgentConfig.model_validate(dict(config))
