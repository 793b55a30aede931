"""Queues, SLA policies and calendars over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema
from pydantic import Field

from reviews.api.finding import queue_named
from reviews.errors import SettingsInvalid
from reviews.models import Queue, SlaPolicy, WorkCalendar
from reviews.rules.sla import MAX_STEPS, instants_of, plan_from
from reviews.settings.services import change_queue, create_queue, save_calendar, save_policy
from workbench.accounts.gate import requires
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["queues and SLA"])

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
Breach = Literal["reassign", "raise_priority", "expire"]


@contextmanager
def listed_problems() -> Iterator[None]:
    """Answer settings that do not hold with the list of what is wrong."""
    try:
        yield
    except SettingsInvalid as error:
        found = [{"at": at, "message": message} for at, message in error.problems.items()]
        raise ApiProblem(
            422, "settings-invalid", str(error), "Correct what errors names.", found
        ) from error


class QueueIn(Strict):
    """What is left out stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=120)
    description: str | None = Field(None, max_length=300)
    ordering: dict[str, float] | None = Field(
        None, description="`sla` 0 to 1, `priority` and `value` in seconds."
    )
    skills: list[str] | None = Field(None, max_length=30)
    access: dict[str, dict[str, list[str]]] | None = Field(
        None, description='`{"see": {"skills"}, "claim": {"roles", "skills"}, "decide": …}`.'
    )
    lease_seconds: int | None = Field(None, ge=60, le=86_400)
    commit_window_seconds: int | None = Field(None, ge=0, le=120)
    work_limit: int | None = Field(None, ge=0, le=1000)
    familiar_minutes: int | None = Field(None, ge=0, le=100_000)


class QueueSettingsOut(Schema):
    name: str
    title: str
    description: str
    ordering: dict[str, float]
    skills: list[str]
    access: dict[str, Any]
    lease_seconds: int
    commit_window_seconds: int
    work_limit: int
    familiar_minutes: int


class CalendarIn(Strict):
    time_zone: str = Field("UTC", max_length=64)
    hours: dict[str, list[list[str]]] = Field(
        description='By weekday: `{"monday": [["09:00", "17:00"]]}`.'
    )
    country: str = Field("", max_length=2)
    subdivision: str = Field("", max_length=10)
    closed: list[str] = Field([], max_length=500, description="Dates.")


class CalendarOut(CalendarIn):
    name: str


class StepIn(Strict):
    act: Literal["warn", "remind", "escalate"]
    after_minutes: float
    to: str = Field("", max_length=200, description="holder, lead, person:<name>, queue:<name>.")


class PolicyIn(Strict):
    title: str = Field(min_length=1, max_length=120)
    calendar: str
    due_minutes: int = Field(ge=1)
    steps: list[StepIn] = Field([], max_length=MAX_STEPS)
    breach: Breach = Field(description="There is none that approves: silence never does.")


class PolicyOut(PolicyIn):
    name: str


class InstantOut(Schema):
    act: str
    to: str
    at: datetime


@router.get("/queues/{name}/settings", response=QueueSettingsOut, operation_id="get_queue_settings")
@requires("queues.view", queue="name")
def queue_settings(request: HttpRequest, name: str) -> Queue:
    """Return a queue's settings."""
    return queue_named(request, name)


@router.put("/queues/{name}/settings", response=QueueSettingsOut, operation_id="save_queue")
@requires("queues.manage", queue="name")
def save_queue(request: HttpRequest, name: Name, body: QueueIn) -> Queue:
    """Create a queue, or change what is given."""
    values = body.model_dump(exclude_none=True)
    queue = Queue.objects.filter(name=name).first()
    with listed_problems():
        if queue is None:
            title = values.get("title", name)
            queue = create_queue(
                name=name, title=title, actor=actor_of(request), now=timezone.now()
            )
        return change_queue(queue=queue, values=values, actor=actor_of(request), now=timezone.now())


@router.get("/calendars", response=Page[CalendarOut], operation_id="list_calendars")
@requires("queues.view")
def calendars(request: HttpRequest) -> dict[str, Any]:
    """List the calendars in which due times are counted."""
    found = WorkCalendar.objects.order_by("name")
    return {"items": [each.snapshot() for each in found], "next": None}


@router.put("/calendars/{name}", response=CalendarOut, operation_id="save_calendar")
@requires("queues.manage")
def put_calendar(request: HttpRequest, name: Name, body: CalendarIn) -> dict[str, Any]:
    """Create a calendar, or replace it. Open cases keep the one they were opened by."""
    values = body.model_dump(mode="json")
    with listed_problems():
        saved = save_calendar(name=name, values=values, actor=actor_of(request), now=timezone.now())
    return saved.snapshot()


@router.get("/sla-policies", response=Page[PolicyOut], operation_id="list_sla_policies")
@requires("queues.view")
def policies(request: HttpRequest) -> dict[str, Any]:
    """List the SLA policies."""
    found = SlaPolicy.objects.select_related("calendar").order_by("name")
    return {"items": [_policy_out(each) for each in found], "next": None}


@router.put("/sla-policies/{name}", response=PolicyOut, operation_id="save_sla_policy")
@requires("queues.manage")
def put_policy(request: HttpRequest, name: Name, body: PolicyIn) -> dict[str, Any]:
    """Create a policy, or replace it. Open cases keep the promise they were opened by."""
    calendar = WorkCalendar.objects.filter(name=body.calendar).first()
    if calendar is None:
        raise ApiProblem(
            422, "settings-invalid", f"There is no calendar {body.calendar!r}.",
            "GET /calendars has their names.",
        )  # fmt: skip
    values = {**body.model_dump(), "calendar": calendar}
    with listed_problems():
        saved = save_policy(name=name, values=values, actor=actor_of(request), now=timezone.now())
    return _policy_out(saved)


@router.get(
    "/sla-policies/{name}/instants", response=list[InstantOut], operation_id="preview_sla_policy"
)
@requires("queues.view")
def instants(
    request: HttpRequest, name: str, opened_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Tell when each act would come for a case that opens then; without a time, now."""
    policy = SlaPolicy.objects.select_related("calendar").filter(name=name).first()
    if policy is None:
        raise Http404(f"There is no SLA policy {name}.")
    start = opened_at or timezone.now()
    if start.tzinfo is None:
        start = timezone.make_aware(start)
    rows = instants_of(plan_from(policy.snapshot()), start)
    return [{"act": act.kind, "to": act.to, "at": at} for act, at in rows]


def _policy_out(policy: SlaPolicy) -> dict[str, Any]:
    names = ("name", "title", "due_minutes", "steps", "breach")
    return {
        **{name: getattr(policy, name) for name in names},
        "calendar": policy.calendar.name,
    }
