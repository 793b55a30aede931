"""SLA policies over HTTP, and what one would mean for a case."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from reviews.models import SlaPolicy, WorkCalendar
from reviews.rules.sla import MAX_MINUTES, MAX_STEPS, list_instants, read_plan
from reviews.selectors.editables import SLA_POLICY
from reviews.settings.api.problems import report_problems
from reviews.settings.api.queues import Name
from reviews.settings.services.sla import save_sla_policy
from workbench.accounts.gate import requires
from workbench.http.instants import Instant
from workbench.http.preconditions import edits, shows
from workbench.http.problems import ApiProblem
from workbench.http.schemas import Page, Strict, whole_page
from workbench.http.sign_in import actor_of

router = Router(tags=["queues and SLA"])

Breach = Literal["reassign", "raise_priority", "expire"]


class StepIn(Strict):
    act: Literal["warn", "remind", "escalate"]
    after_minutes: float = Field(gt=0, le=MAX_MINUTES)
    to: str = Field("", max_length=200, description="holder, lead, person:<name>, queue:<name>.")


class PolicyIn(Strict):
    title: str = Field(min_length=1, max_length=120)
    calendar: str
    due_minutes: int = Field(ge=1, le=MAX_MINUTES)
    steps: list[StepIn] = Field([], max_length=MAX_STEPS)
    breach: Breach = Field(description="Nothing approves a case that nobody decided.")


class StepOut(Schema):
    act: str
    after_minutes: float
    to: str = ""


class PolicyOut(Schema):
    name: str
    title: str
    calendar: str
    due_minutes: int
    steps: list[StepOut]
    breach: str
    revision: str


class InstantOut(Schema):
    act: str
    to: str
    at: datetime


@router.get("/sla-policies", response=Page[PolicyOut], operation_id="list_sla_policies")
@requires("queues.view", scope="anywhere")
def policies(request: HttpRequest) -> dict[str, Any]:
    """List the SLA policies."""
    found = SlaPolicy.objects.select_related("calendar").order_by("name")
    return {"items": [_policy_out(each) for each in found], "next": None}


@router.get("/sla-policies/{name}", response=PolicyOut, operation_id="get_sla_policy")
@requires("queues.view", scope="anywhere")
@shows(SLA_POLICY)
def get_policy(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return an SLA policy."""
    return _policy_out(_find_policy(name))


@router.put("/sla-policies/{name}", response=PolicyOut, operation_id="save_sla_policy")
@requires("queues.manage", scope="installation")
@edits(SLA_POLICY, lambda request, given: [given["name"]], creates=True)
def put_policy(request: HttpRequest, name: Name, body: PolicyIn) -> dict[str, Any]:
    """Create a policy, or replace it. Open cases keep the policy they were opened under."""
    calendar = WorkCalendar.objects.filter(name=body.calendar).first()
    if calendar is None:
        raise ApiProblem(
            422, "settings-invalid", f"There is no calendar {body.calendar!r}.",
            "GET /calendars has their names.",
        )  # fmt: skip
    values = {**body.model_dump(), "calendar": calendar}
    with report_problems():
        saved = save_sla_policy(
            name=name, values=values, actor=actor_of(request), now=timezone.now()
        )
    return _policy_out(saved)


@router.get(
    "/sla-policies/{name}/instants", response=Page[InstantOut], operation_id="preview_sla_policy"
)
@requires("queues.view", scope="anywhere")
def instants(request: HttpRequest, name: str, opened_at: Instant | None = None) -> dict[str, Any]:
    """Return when each act would come for a case opened at that time, or now if none is given."""
    policy = _find_policy(name)
    start = opened_at or timezone.now()
    rows = list_instants(read_plan(policy.snapshot()), start)
    return whole_page({"act": act.kind, "to": act.to, "at": at} for act, at in rows)


def _find_policy(name: str) -> SlaPolicy:
    policy = SlaPolicy.objects.select_related("calendar").filter(name=name).first()
    if policy is None:
        raise Http404(f"There is no SLA policy {name}.")
    return policy


def _policy_out(policy: SlaPolicy) -> dict[str, Any]:
    names = ("name", "title", "due_minutes", "steps", "breach")
    return {
        **{name: getattr(policy, name) for name in names},
        "calendar": policy.calendar.name,
        "revision": SLA_POLICY.revision_of(policy),
    }
