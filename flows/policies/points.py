"""Points: the places where a policy decides without a step.

A point has a name, a typed input, and what an attachment to it may be narrowed to. Whoever acts
asks ``judge`` with a function that makes the input, which is called only where a policy is
attached. What is attached where is kept elsewhere, and registered as the source.

No attached policy, no cost; one that fails refuses, as one that says no does. While a policy is
asked, no point is: a policy on a server would otherwise be judged by one for egress.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from flows.policies.model import Decision, compute_digest

Json = Any
Scope = Literal["flow", "queue"]


class PointInput(BaseModel):
    """What a policy is told at a point."""

    model_config = ConfigDict(extra="forbid")


class ActorTold(PointInput):
    """Who acts: a user, a token, or the system itself."""

    kind: str = Field(description="user, token, link or system.")
    name: str
    channel: str = Field(description="page, api, link, command or system.")


class StartInput(PointInput):
    flow: str
    version: int
    trigger: str = Field(description="api, page, schedule, webhook, event, flow …")
    input: Json = Field(description="What the run would start with.")
    actor: ActorTold
    at: datetime


class PublishInput(PointInput):
    flow: str
    note: str
    release: bool = Field(description="Whether the version would be released at once.")
    before: dict[str, Json] | None = Field(description="The newest version's document.")
    document: dict[str, Json]
    pins: dict[str, int] = Field(description="The versions of assets that it would be pinned to.")
    author: str | None
    agreed_by: str | None = Field(description="The second person, where the flow demands one.")
    actor: ActorTold
    at: datetime


class ReleaseInput(PointInput):
    flow: str
    version: int
    before: int | None = Field(description="The version that is released now.")
    is_rollback: bool = Field(description="Whether the version is older than that.")
    document: dict[str, Json]
    pins: dict[str, int] = Field(description="The versions of assets that it is pinned to.")
    published_by: str | None
    published_at: datetime | None = Field(
        description="Null, where it is published by the same act."
    )
    actor: ActorTold
    at: datetime


class PersonTold(PointInput):
    """A reviewer as the queue knows them."""

    name: str
    level: int
    skills: list[str]
    roles: list[str] = Field(description="Those that they hold on the queue.")


class ReviewerInput(PointInput):
    case: int
    queue: str
    flow: str
    step: str
    subject: str
    value: float | None
    fields: dict[str, Json] = Field(description="The fields of the case.")
    act: str = Field(
        description="take (by hand or as the next one), receive (by a lead, a colleague or an "
        "absence), or be handed (kept for who worked on it before)."
    )
    person: PersonTold = Field(description="Who would have the case.")
    parties: list[dict[str, Json]] = Field(description="Who asked for it, and who edited it.")
    at: datetime


class DecisionInput(PointInput):
    case: int
    queue: str
    flow: str
    step: str
    subject: str
    outcome: str
    reasons: list[str]
    comment: str
    overrides: list[dict[str, Json]] = Field(description="The fields that were corrected.")
    fields: dict[str, Json] = Field(description="The fields of the case.")
    by: str | None = Field(description="Who decides.")
    channel: str
    parties: list[dict[str, Json]] = Field(description="Who asked for it, and who edited it.")
    at: datetime


class StepInput(PointInput):
    """What every point in a step is told. Empty where no step of a run acts, as for notices."""

    flow: str
    step: str
    run: int | None


class ToolCallInput(StepInput):
    tool: str
    arguments: Json
    model: str


class EgressInput(StepInput):
    method: str
    scheme: str
    host: str
    port: int
    path: str


class ConnectionInput(StepInput):
    model: str = Field(description="The name of the connection, or of the model.")
    provider: str


@dataclass(frozen=True)
class Point:
    """A place where policies may decide. ``narrowed_by`` is what an attachment may name."""

    name: str
    title: str
    summary: str
    Input: type[PointInput]
    narrowed_by: tuple[Scope, ...] = ("flow",)

    @property
    def schema(self) -> Mapping[str, Json]:
        """The JSON Schema of the input."""
        return self.Input.model_json_schema()


START = Point("start", "Start of a run", "May this run start?", StartInput)
PUBLISH = Point("publish", "Publication", "May this flow be published?", PublishInput)
RELEASE = Point(
    "release", "Release", "May this version be released, or gone back to?", ReleaseInput
)
REVIEWER = Point(
    "reviewer", "Reviewer", "May this person have this case?", ReviewerInput, ("flow", "queue")
)
DECISION = Point(
    "decision", "Decision", "May this person decide so?", DecisionInput, ("flow", "queue")
)
TOOL_CALL = Point("tool_call", "Tool call", "May the agent call this tool?", ToolCallInput)
# A call that several steps share has no flow: an attachment could not be narrowed to one.
EGRESS = Point("egress", "Egress", "May this address be called?", EgressInput, ())
CONNECTION = Point("connection", "Connection", "May this model be asked?", ConnectionInput)
POINTS: Mapping[str, Point] = {
    each.name: each
    for each in (START, PUBLISH, RELEASE, REVIEWER, DECISION, TOOL_CALL, EGRESS, CONNECTION)
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What one attached policy decided. ``policy`` is ``name@version``."""

    policy: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies at a point decided together: all of them must allow it."""

    point: str = ""
    decided: tuple[Decided, ...] = ()
    input_digest: str = ""

    @property
    def allowed(self) -> bool:
        return all(each.decision.allow for each in self.decided)

    @property
    def refusal(self) -> str:
        """Who refuses and why. Empty, where it is allowed."""
        return " ".join(
            f"The policy {each.policy} refuses it: {' '.join(each.decision.reasons) or 'no reason'}"
            for each in self.decided
            if not each.decision.allow
        )

    def as_json(self) -> list[dict[str, Json]]:
        """Return what a ledger, a receipt or a provenance keeps of it."""
        return [
            {
                "point": self.point,
                "policy": each.policy,
                "input_sha256": self.input_digest,
                **each.decision.as_json(),
            }
            for each in self.decided
        ]

    def as_payload(self) -> dict[str, Json]:
        """Return what an entry of the ledger, or a receipt, has more: nothing, where none asked."""
        return {"policies": self.as_json()} if self.decided else {}


NOT_JUDGED = Verdict()


class Attachments(Protocol):
    """What is attached where."""

    def list_attached(self, point: str, flow: str, queue: str) -> Sequence[str]:
        """Return the names of the policies that decide there. May raise what a database does."""

    def decide(self, policy: str, given: Json, flow: str) -> Decided:
        """Return what the released version of the policy decides. Never raises."""


class _Nothing:
    def list_attached(self, point: str, flow: str, queue: str) -> Sequence[str]:
        return ()

    def decide(self, policy: str, given: Json, flow: str) -> Decided:
        raise NotImplementedError


_attachments: Attachments = _Nothing()


def register_attachments(attachments: Attachments) -> None:
    """Let what is attached be found in ``attachments``."""
    global _attachments  # noqa: PLW0603 - one a process
    _attachments = attachments


_is_asking: ContextVar[bool] = ContextVar("is_asking", default=False)


def judge(
    point: Point, make_input: Callable[[], PointInput], *, flow: str = "", queue: str = ""
) -> Verdict:
    """Return what the policies that are attached to a point decide.

    Raises what reading the attachments does, where they have never been read: nothing may be
    allowed then.
    """
    if _is_asking.get():
        return NOT_JUDGED
    names = _attachments.list_attached(point.name, flow, queue)
    if not names:
        return NOT_JUDGED
    given = make_input().model_dump(mode="json")
    token = _is_asking.set(True)
    try:
        decided = tuple(_attachments.decide(name, given, flow) for name in names)
    finally:
        _is_asking.reset(token)
    return Verdict(point.name, decided, compute_digest(given))


# --- In steps -------------------------------------------------------------------------------


@dataclass(slots=True)
class ActingStep:
    """The step that is being called, with the ``verdicts`` on what it has done so far."""

    flow: str = ""
    step: str = ""
    run: int | None = None
    verdicts: list[Verdict] = field(default_factory=list)

    def as_json(self) -> list[dict[str, Json]]:
        return [told for each in self.verdicts for told in each.as_json()]


acting_step: ContextVar[ActingStep | None] = ContextVar("acting_step", default=None)


def judge_step(point: Point, **told: Json) -> Verdict:
    """Return what the policies decide on what the step that acts here is about to do.

    The step's provenance tells of it.
    """
    acting = acting_step.get() or ActingStep()
    place = {"flow": acting.flow, "step": acting.step, "run": acting.run}
    verdict = judge(point, lambda: point.Input(**place, **told), flow=acting.flow)
    if verdict.decided:
        acting.verdicts.append(verdict)
    return verdict
