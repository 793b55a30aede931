"""Cases that a run waits for, answers to them, and where they stand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.models import Flow, FlowVersion, Run, Token, Wait
from flows.steps.base import StepContext
from reviews.checkpoint.step import ReviewCase
from reviews.models import Case, Decision
from reviews.rules.answers import Answer
from reviews.services.claims import claim_case
from reviews.services.decisions import decide_case
from reviews.services.looks import note_serving
from reviews.services.opening import open_case
from tests.factories.people import person
from workbench.accounts.models import User

DOCUMENT: dict[str, Any] = {
    "schema": "countersign/flow@1",
    "name": "loan",
    "title": "Loan",
    "steps": {
        "review": {
            "type": "review.case",
            "with": {"queue": "underwriting", "sla": "standard", "title": "Loan"},
        },
        "settle": {"type": "end", "with": {"outcome": "settled"}},
        "decline": {"type": "end", "with": {"outcome": "declined"}},
        "late": {"type": "end", "with": {"outcome": "late"}},
        "again": {"type": "end", "with": {"outcome": "again"}},
    },
    "edges": [
        "review.approved -> settle",
        "review.rejected -> decline",
        "review.expired -> late",
        "review.rework -> again",
    ],
}
SHOWN: list[dict[str, Any]] = [
    {
        "title": "Applicant",
        "fields": [
            {"key": "name", "label": "Name", "value": "B. Ahlers"},
            {
                "key": "income",
                "label": "Net income",
                "value": 3000,
                "confidence": 0.6,
                "source": "Payslip, page 1",
                "format": "money",
                "unit": "DM",
                "editable": True,
                "schema": {"type": "number", "minimum": 0},
            },
        ],
    }
]


def make_review_version() -> FlowVersion:
    """Return the version of a flow that opens a case and ends by what is decided."""
    now = timezone.now()
    flow, _ = Flow.objects.get_or_create(
        name="loan", defaults={"title": "Loan", "created_at": now, "updated_at": now}
    )
    version, _ = FlowVersion.objects.get_or_create(
        flow=flow, number=1, defaults={"document": DOCUMENT, "digest": "test", "published_at": now}
    )
    return version


def make_waiting(
    now: datetime, *, step: str = "review", started_by: str = "", asked_by: Sequence[str] = ()
) -> Wait:
    """Make a run that waits at the checkpoint; ``asked_by`` are user names."""
    asked = User.objects.filter(username__in=asked_by).values_list("pk", flat=True)
    version = make_review_version()
    run = Run.objects.create(
        flow=version.flow, version=version, seq=1, started_at=now, started_by=started_by,
        requested_by=list(asked),
    )  # fmt: skip
    token = Token.objects.create(run=run, step=step, state="waiting", since=now)
    return Wait.objects.create(
        run=run, token_id=token.pk, activation=1, step=step, kind="case", opened_at=now
    )


def make_case(
    now: datetime, *, started_by: str = "", asked_by: Sequence[str] = (), **config: Any
) -> Case:
    """Open a case as the engine does. The queue and the policy must be there."""
    wait = make_waiting(now, started_by=started_by, asked_by=asked_by)
    usual = {"queue": "underwriting", "sla": "standard", "title": f"Loan {wait.pk}", "show": SHOWN}
    values = {**usual, **config}
    ctx = StepContext(
        run_id=wait.run_id, flow="loan", version=1, step_id="review", token_id=wait.token_id,
        activation=1, attempt=1, input={}, bindings={}, now=now, wait_id=wait.pk,
    )  # fmt: skip
    with transaction.atomic():
        return open_case(ctx=ctx, config=ReviewCase.Config.model_validate(values))


def approve(**options: Any) -> Answer:
    return Answer(outcome="approved", **options)


def reject(*reasons: str, **options: Any) -> Answer:
    return Answer(outcome="rejected", reasons=reasons, **options)


def give(case: Case, username: str, at: datetime, *files: str) -> Case:
    """Note that the server gave the case, and these of its files, to the person at that time."""
    for evidence in ("", *files):
        note_serving(case=case, user=person(username).user, now=at, evidence=evidence)
    return case


def decide(case: Case, username: str, answer: Answer, now: datetime | None = None) -> Decision:
    """Decide the case as the person, past undoing at once."""
    return decide_case(
        case_id=case.pk, answer=answer, acting=person(username), now=now or timezone.now(),
        commit_now=True,
    )  # fmt: skip


def make_decided_case(
    username: str, answer: Answer, now: datetime | None = None, **config: Any
) -> Case:
    """Open a case for which approval is suggested, and decide it as the person."""
    usual = {"suggestion": "approved", "confidence": 0.8}
    case = make_case(now or timezone.now(), **{**usual, **config})
    decide(case, username, answer, now)
    return case


def make_held_case(username: str, now: datetime | None = None) -> Case:
    """Open a case and claim it as the person."""
    now = now or timezone.now()
    return claim_case(case_id=make_case(now).pk, acting=person(username), now=now)


def step_of(case: Case) -> str:
    """Return the step at which the case's run stands."""
    return Token.objects.get(run_id=case.run_id).step
