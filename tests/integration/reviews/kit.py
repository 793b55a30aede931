"""What the tests of reviews share: people, a queue with its SLA, cases that a run waits for."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.models import Flow, FlowVersion, Run, Token, Wait
from flows.steps.base import StepContext
from reviews.checkpoint.step import ReviewCase
from reviews.models import Case, Queue, Reviewer, SlaPolicy, WorkCalendar
from reviews.rules.answers import Answer
from reviews.selectors.acting import Acting, acting_as
from reviews.services.opening import open_case
from workbench.accounts.models import Role, RoleGrant, User

FIVE_DAYS = {
    day: [["09:00", "17:00"]] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}
ALWAYS = {
    day: [["00:00", "24:00"]]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
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


def make_person(username: str, *roles: Role, queue: str = "", level: int = 1) -> User:
    user = User.objects.create_user(username, f"{username}@example.org", "secret")
    for role in roles:
        RoleGrant.objects.create(user=user, role=role, queue_name=queue, granted_at=timezone.now())
    if level > 1:
        Reviewer.objects.create(user=user, level=level)
    return user


def person(username: str) -> Acting:
    """Return the person as they act on a page, with nothing kept from before."""
    return acting_as(User.objects.get(username=username))


def make_queue(name: str = "underwriting", **options: Any) -> Queue:
    options.setdefault("commit_window_seconds", 5)
    return Queue.objects.create(
        name=name, title=name.capitalize(), created_at=timezone.now(), **options
    )


def make_policy(
    name: str = "standard",
    *,
    hours: dict[str, Any] | None = None,
    due_minutes: int = 480,
    steps: Any = (),
    breach: str = "raise_priority",
) -> SlaPolicy:
    calendar, _ = WorkCalendar.objects.get_or_create(
        name="office" if hours is None else f"for-{name}",
        defaults={"time_zone": "UTC", "hours": ALWAYS if hours is None else hours},
    )
    return SlaPolicy.objects.create(
        name=name, title=name, calendar=calendar, due_minutes=due_minutes, steps=list(steps),
        breach=breach,
    )  # fmt: skip


def make_flow() -> FlowVersion:
    now = timezone.now()
    flow, _ = Flow.objects.get_or_create(
        name="loan", defaults={"title": "Loan", "created_at": now, "updated_at": now}
    )
    version, _ = FlowVersion.objects.get_or_create(
        flow=flow, number=1, defaults={"document": DOCUMENT, "digest": "test", "published_at": now}
    )
    return version


def make_run(now: datetime, *, step: str = "review", started_by: str = "") -> Wait:
    """Make a run that waits at the checkpoint."""
    version = make_flow()
    run = Run.objects.create(
        flow=version.flow, version=version, seq=1, started_at=now, started_by=started_by
    )
    token = Token.objects.create(run=run, step=step, state="waiting", since=now)
    return Wait.objects.create(
        run=run, token_id=token.pk, activation=1, step=step, kind="case", opened_at=now
    )


def make_case(now: datetime, *, started_by: str = "", **config: Any) -> Case:
    """Open a case as the engine does. The queue and the policy must be there."""
    wait = make_run(now, started_by=started_by)
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
