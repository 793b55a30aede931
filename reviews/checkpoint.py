"""``review.case``: how a run meets people.

``open`` makes the case in the engine's transaction; deciding the case resolves the wait.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.base import Json, Opened, Preview, StepConfig, StepContext, WaitingStep
from flows.steps.registry import register
from reviews.rules.layout import (
    FILE_KINDS,
    Flag,
    Group,
    Key,
    Reason,
    ReasonCode,
    Share,
    ShownDocument,
)

WAIT_KIND = "case"
REFUSAL = "rejected"
OUTCOMES = ("approved", REFUSAL, "rework")
ACTS = ("information", "escalation")
EXPIRED = "expired"


@register
class ReviewCase(WaitingStep):
    """The run waits until people decide, or until the SLA policy ends the wait."""

    name = "review.case"
    title = "Review"
    summary = "People decide"
    icon = "user-check"
    category = "People"
    asks_people = True

    class Config(StepConfig):
        """What the case is, what it shows, and who may decide it how."""

        queue: str = Field(description="The queue the case waits in.")
        title: str = Field(description="One line that tells this case from the others.")
        sla: str = Field(description="The SLA policy: due time, reminders, escalation, breach.")
        summary: str = Field(default="", description="A sentence below the title.")
        subject: str = Field(
            default="",
            description="Whom or what the case is about, such as an applicant's number; "
            "earlier cases of the same subject are shown.",
        )
        show: list[Group] = Field(
            default_factory=list,
            description="Titled groups of fields, documents, images, audio, text, table, "
            "reasons, flags or json.",
        )
        documents: list[ShownDocument] = Field(
            default_factory=list, description="Documents beside the values, with boxes."
        )
        confidence: Share | None = Field(
            default=None, description="The model's confidence, 0 to 1."
        )
        suggestion: str = Field(default="", description="The outcome the model would choose.")
        reasons: list[Reason] = Field(
            default_factory=list, description="What moved the model, as signed contributions."
        )
        flags: list[Flag] = Field(default_factory=list, description="What policies found.")
        form: dict[str, Json] = Field(
            default_factory=dict, description="JSON Schema of what else the reviewer fills in."
        )
        reason_codes: dict[str, list[ReasonCode]] = Field(
            default_factory=dict,
            description="By outcome, the reasons to choose from; an outcome listed here needs one.",
        )
        allow: list[str] = Field(
            default_factory=lambda: [*OUTCOMES, *ACTS],
            description="Outcomes (each is a port) and the acts `information` and `escalation`.",
        )
        quorum: int = Field(default=1, ge=1, le=9, description="How many people must approve.")
        four_eyes: bool = Field(
            default=False, description="Who changed a field may not be the only one to approve."
        )
        required_evidence: list[Key] = Field(
            default_factory=list, description="Documents or groups to open before approving."
        )
        priority: Literal["urgent", "high", "normal", "low"] = "normal"
        value: float | None = Field(default=None, description="The amount at stake.")
        product: str = Field(default="", description="Chooses the row of the authority matrix.")
        exceptions: list[str] = Field(
            default_factory=list, description="Policy exceptions that raise the authority needed."
        )
        requested_by: str = Field(
            default="",
            description="Username of who asked for this, who may not decide it. "
            "Empty: who started the run.",
        )

        @field_validator("allow")
        @classmethod
        def has_an_outcome(cls, allow: list[str]) -> list[str]:
            if not [name for name in allow if name not in ACTS]:
                raise ValueError("`allow` needs at least one outcome, such as `approved`")
            if EXPIRED in allow:
                raise ValueError("`expired` is the SLA's outcome: nobody may choose it")
            return list(dict.fromkeys(allow))

        @model_validator(mode="after")
        def names_are_known(self) -> "ReviewCase.Config":
            _check_reason_codes(self.reason_codes, self.allow)
            _check_evidence(self.required_evidence, self.documents, self.show)
            _check_keys(self.show)
            _check_grounds(self)
            return self

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        allow = config.get("allow")
        if not isinstance(allow, list):
            return (*OUTCOMES, EXPIRED)
        outcomes = [name for name in allow if isinstance(name, str) and name not in ACTS]
        return (*dict.fromkeys(outcomes), EXPIRED)

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "outcome": {"type": "string"},
                "kind": {"enum": ["person", "policy", "timeout", "forced"]},
                "reasons": {"type": "array", "items": {"type": "string"}},
                "grounds": {"type": "object"},
                "notice": {"type": "string"},
                "comment": {"type": "string"},
                "overrides": {"type": "array", "items": _OVERRIDE_SCHEMA},
                "fields": {"type": "object"},
                "form": config["form"] if isinstance(config.get("form"), dict) else {},
                "decided_by": {"type": "string"},
                "decision_id": {"type": ["integer", "null"]},
                "case_id": {"type": "integer"},
            },
            "required": ["outcome", "kind", "reasons", "comment", "overrides", "fields"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        queue = config.get("queue")
        if not isinstance(queue, str) or not queue:
            return "Choose a queue"
        quorum = config.get("quorum", 1)
        people = "" if quorum in (1, None) else f", {quorum} people"
        return f"{queue}{people} · SLA {config.get('sla') or 'missing'}"

    def example_output(self, config: Mapping[str, Json], port: str) -> Json:
        return {
            "outcome": port,
            "kind": "person",
            "reasons": [],
            "comment": "",
            "overrides": [],
            "fields": dict(_shown_values(config)),
        }

    def check(self, step: Step) -> Sequence[Problem]:
        """A refusal that rests on nothing cannot be defended; say so before it is published."""
        codes = step.config.get("reason_codes")
        refusals = codes.get(REFUSAL) if isinstance(codes, Mapping) else None
        found = []
        for number, code in enumerate(refusals if isinstance(refusals, list) else []):
            if isinstance(code, Mapping) and code.get("code") and not code.get("rests_on"):
                found.append(_ungrounded(step, number, str(code["code"])))
        return found

    def preview(self, config: Mapping[str, Json]) -> Preview:
        from reviews.preview import preview_case

        return preview_case(config)

    def minutes_each(self, flow: str, step: str) -> float | None:
        from reviews.preview import minutes_of_cases

        return minutes_of_cases(flow, step)

    def open(self, ctx: StepContext, config: Any) -> Opened:
        from reviews.services.opening import open_case

        case = open_case(ctx=ctx, config=config)
        return Opened(
            kind=WAIT_KIND, key=str(case.pk), detail={"case": case.pk, "queue": config.queue}
        )

    def cancel(self, wait_id: int, now: datetime) -> None:
        from reviews.services.opening import cancel_case_of_wait

        cancel_case_of_wait(wait_id=wait_id, now=now)


def _ungrounded(step: Step, number: int, code: str) -> Problem:
    return Problem(
        "warning",
        "case.reason-ungrounded",
        step.id,
        f"with.reason_codes.{REFUSAL}[{number}].rests_on",
        f"The reason {code} rests on nothing, so a case can be rejected without evidence.",
        "Name in `rests_on` the fields by `key`, or the documents or groups by `id`, that bear it.",
    )


def _shown_values(config: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the fields with a key, of a config that may be wrong in any way."""
    show = config.get("show")
    for group in show if isinstance(show, list) else []:
        fields = group.get("fields") if isinstance(group, Mapping) else None
        for field in fields if isinstance(fields, list) else []:
            if isinstance(field, Mapping) and isinstance(field.get("key"), str):
                yield field["key"], field.get("value")


_OVERRIDE_SCHEMA = {
    "type": "object",
    "properties": {"field": {"type": "string"}, "old": {}, "new": {}, "reason": {"type": "string"}},
}


def _check_reason_codes(codes: Mapping[str, list[ReasonCode]], allow: list[str]) -> None:
    for outcome, choices in codes.items():
        if outcome not in allow:
            raise ValueError(
                f"`reason_codes` names the outcome {outcome!r}, which `allow` does not: "
                f"use one of {', '.join(allow)}"
            )
        if len({choice.code for choice in choices}) != len(choices):
            raise ValueError(f"`reason_codes.{outcome}` has a code twice")


def _evidence_ids(documents: list[ShownDocument], show: list[Group]) -> set[str]:
    known = {document.id for document in documents} | {group.id for group in show if group.id}
    for group in show:
        for kind in FILE_KINDS:
            known |= {each.id for each in getattr(group, kind) or ()}
    return known


def _check_evidence(required: list[str], documents: list[ShownDocument], show: list[Group]) -> None:
    known = _evidence_ids(documents, show)
    if missing := [key for key in required if key not in known]:
        raise ValueError(
            f"`required_evidence` names {', '.join(missing)}: give a document or group that `id`"
        )


def _check_grounds(config: "ReviewCase.Config") -> None:
    known = {field.key for group in config.show for field in group.fields or ()}
    known |= _evidence_ids(config.documents, config.show)
    for outcome, choices in config.reason_codes.items():
        for choice in choices:
            if missing := [key for key in choice.rests_on if key not in known]:
                raise ValueError(
                    f"`reason_codes.{outcome}.{choice.code}` rests on {', '.join(missing)}: give a "
                    "field that `key`, or a document or group that `id`"
                )


def _check_keys(show: list[Group]) -> None:
    keys = [field.key for group in show for field in group.fields or () if field.key]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"two fields have the key {', '.join(twice)}: keys name one field each")
