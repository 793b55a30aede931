"""A case and its decisions as the API returns them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from ninja import Schema
from pydantic import Field

from reviews.models import Case, Decision
from reviews.selectors.acting import Acting
from reviews.selectors.cases import get_band, list_decisions
from reviews.selectors.parties import describe_parties
from reviews.selectors.veil import get_veil


class CaseOut(Schema):
    id: int
    queue: str
    run: int
    flow: str
    title: str
    summary: str
    subject: str
    state: str
    revision: int = Field(description="Send it with a decision: an older one answers 409.")
    claimed_by: str | None
    lease_until: datetime | None
    escalation: int
    priority: int = Field(description="1 urgent, 2 high, 3 normal, 4 low.")
    value: float | None
    confidence: float | None
    due_at: datetime | None = Field(description="Null while the SLA clock is paused.")
    band: str = Field(description="on_time, due_soon, overdue, paused or closed.")
    outcome: str
    independent: bool = Field(
        description="Record a first choice before deciding; the model's answer comes after it."
    )
    opened_at: datetime
    closed_at: datetime | None


class DecisionOut(Schema):
    id: int
    case: int
    state: str = Field(description="pending within the commit window, then committed.")
    final: bool = Field(description="False: counted, and more approvals are needed.")
    kind: str
    outcome: str
    reasons: list[str]
    grounds: dict[str, str] = Field(description="By reason, the key or id that it rests on.")
    comment: str
    overrides: list[dict[str, Any]]
    form: dict[str, Any]
    decided_by: str | None
    at: datetime
    commit_at: datetime
    digest: str = Field(description="SHA-256 of the receipt's RFC 8785 form.")


class DifferenceOut(Schema):
    kind: str = Field(description="receipt, case, step or file.")
    name: str = Field(description="The step, or the title of the file.")
    parts: list[str] = Field(description="The fields that differ, such as `values.net`.")
    detail: str


class ReceiptCheckOut(Schema):
    ok: bool
    decision: int
    differences: list[DifferenceOut] = Field(description="What was changed past the application.")


class PartyOut(Schema):
    user: str
    part: str = Field(
        description="requested, edited, or decided: an earlier step that this one checks."
    )
    proved: bool = Field(description="False: a name or a link says so, and nobody signed in.")
    how: str


class CaseDetailOut(CaseOut):
    flow_version: int
    step: str
    requested_by: str = Field(description="What the flow shows; `parties` are who counts.")
    parties: list[PartyOut] = Field(description="Who asked for the case, and who edited it.")
    shown: dict[str, Any]
    rules: dict[str, Any]
    fields: dict[str, Any]
    decisions: list[DecisionOut]


def case_out(case: Case) -> dict[str, Any]:
    names = (
        "id", "flow", "title", "summary", "subject", "state", "revision", "lease_until",
        "escalation", "priority", "value", "due_at", "outcome", "opened_at", "closed_at",
        "independent",
    )  # fmt: skip
    return {
        **{name: getattr(case, name) for name in names},
        "confidence": case.listed_confidence,
        "queue": case.queue.name,
        "run": case.run_id,
        "claimed_by": case.claimed_by.username if case.claimed_by else None,
        "band": get_band(case, timezone.now()),
    }


def case_detail_out(case: Case, acting: Acting) -> dict[str, Any]:
    """Return the case with what it shows to this person and what was decided."""
    case = get_veil(case, acting).apply_to(case)
    names = ("flow_version", "step", "requested_by", "shown", "rules", "fields")
    return {
        **case_out(case),
        "confidence": case.confidence,
        **{name: getattr(case, name) for name in names},
        "parties": describe_parties(case),
        "decisions": [decision_out(decision) for decision in list_decisions(case)],
    }


def decision_out(decision: Decision) -> dict[str, Any]:
    names = (
        "id", "state", "final", "kind", "outcome", "reasons", "grounds", "comment", "overrides",
        "form", "at", "commit_at", "digest",
    )  # fmt: skip
    return {
        **{name: getattr(decision, name) for name in names},
        "case": decision.case_id,
        "decided_by": decision.decided_by.username if decision.decided_by else None,
    }
