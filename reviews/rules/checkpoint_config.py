"""The configuration of a `review.case` step: its fields, and the checks that publishing makes."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from flows.steps.base import Json, StepConfig
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
from reviews.rules.plain_schemas import check_schema, find_schema_faults, find_unshown

# Where schemas stand in a config, with what is wrong with them: path and reason.
Fault = tuple[tuple[str | int, ...], str]

REFUSAL = "rejected"
REWORK = "rework"
OUTCOMES = ("approved", REFUSAL, REWORK)
ACTS = ("information", "escalation")
EXPIRED = "expired"


class CheckpointConfig(StepConfig):
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
    confidence: Share | None = Field(default=None, description="The model's confidence, 0 to 1.")
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
    value: float | None = Field(
        default=None, allow_inf_nan=False, description="The amount at stake."
    )
    product: str = Field(default="", description="Chooses the row of the authority matrix.")
    exceptions: list[str] = Field(
        default_factory=list, description="Policy exceptions that raise the authority needed."
    )
    requested_by: str = Field(
        default="",
        max_length=150,
        description="What is shown as who asked for this; it gives and takes no right. "
        "Who asked for the run may not decide, whatever stands here. "
        "Empty: who started the run.",
    )
    after_rework: list[str] = Field(
        default_factory=list,
        max_length=50,
        description="Ids of steps that may follow a case returned for rework without people "
        "deciding again. By any other way the run comes back to people.",
    )
    apart_from: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="Ids of earlier review steps: whoever decided one may not decide this.",
    )

    @field_validator("form")
    @classmethod
    def is_a_schema(cls, form: dict[str, Json]) -> dict[str, Json]:
        return check_schema(form)

    @field_validator("allow")
    @classmethod
    def has_an_outcome(cls, allow: list[str]) -> list[str]:
        if not [name for name in allow if name not in ACTS]:
            raise ValueError("`allow` needs at least one outcome, such as `approved`")
        if EXPIRED in allow:
            raise ValueError("`expired` is the SLA's outcome: nobody may choose it")
        return list(dict.fromkeys(allow))

    @model_validator(mode="after")
    def names_are_known(self) -> "CheckpointConfig":
        _check_reason_codes(self.reason_codes, self.allow)
        _check_evidence(self.required_evidence, self.documents, self.show)
        _check_keys(self.show)
        _check_grounds(self)
        return self


def _check_reason_codes(codes: Mapping[str, list[ReasonCode]], allow: list[str]) -> None:
    for outcome, choices in codes.items():
        if outcome not in allow:
            raise ValueError(
                f"`reason_codes` names the outcome {outcome!r}, which `allow` does not: "
                f"use one of {', '.join(allow)}"
            )
        if len({choice.code for choice in choices}) != len(choices):
            raise ValueError(f"`reason_codes.{outcome}` has a code twice")


def _list_evidence_ids(documents: list[ShownDocument], show: list[Group]) -> set[str]:
    known = {document.id for document in documents} | {group.id for group in show if group.id}
    for group in show:
        for kind in FILE_KINDS:
            known |= {each.id for each in getattr(group, kind) or ()}
    return known


def _check_evidence(required: list[str], documents: list[ShownDocument], show: list[Group]) -> None:
    known = _list_evidence_ids(documents, show)
    if missing := [key for key in required if key not in known]:
        raise ValueError(
            f"`required_evidence` names {', '.join(missing)}: give a document or group that `id`"
        )


def _check_grounds(config: "CheckpointConfig") -> None:
    known = {field.key for group in config.show for field in group.fields or ()}
    known |= _list_evidence_ids(config.documents, config.show)
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


# --- Schemas, before a case is opened -------------------------------------------------


def find_form_faults(config: Mapping[str, Json]) -> Iterator[Fault]:
    """Yield what is wrong with the schemas of a config, which may be wrong anywhere.

    Each path begins at the config: ``("form", "properties", "rate", "type")``.
    """
    form = config.get("form")
    if isinstance(form, Mapping):
        for path, reason in find_schema_faults(form):
            yield ("form", *path), reason
            return
        for path, reason in find_unshown(form):
            yield ("form", *path), reason
    for place, schema in _list_field_schemas(config.get("show")):
        for path, reason in find_schema_faults(schema):
            yield (*place, *path), reason


def _list_field_schemas(
    show: Json,
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Json]]]:
    for at, group in enumerate(show if isinstance(show, list) else []):
        fields = group.get("fields") if isinstance(group, Mapping) else None
        whole = group.get("schema") if isinstance(group, Mapping) else None
        if isinstance(whole, Mapping):
            yield ("show", at, "schema"), whole
        for number, field in enumerate(fields if isinstance(fields, list) else []):
            schema = field.get("schema") if isinstance(field, Mapping) else None
            if isinstance(schema, Mapping):
                yield ("show", at, "fields", number, "schema"), schema
