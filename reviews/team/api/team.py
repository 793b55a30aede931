"""The team's load over HTTP, and delegating a case."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from reviews.api.finding import Id, authorise, find_person
from reviews.api.schemas import CaseOut, case_out
from reviews.rules.filters import NAME_MAX
from reviews.selectors.lists import list_queues
from reviews.services.passing import delegate_case
from reviews.team.selectors import Lane, list_lanes
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.schemas import MOST_REVISION, Page, Strict, whole_page

router = Router(tags=["team"])


class ReviewerLoadOut(Schema):
    person: str
    held: int
    limit: int = Field(description="Most cases they may hold in the queues asked for; 0: no limit.")
    overdue: int
    due_soon: int
    oldest_at: datetime | None = Field(description="Since when they hold the oldest.")
    decided_today: int
    level: int
    skills: list[str]
    away_until: datetime | None
    cover: str | None


class DelegateIn(Strict):
    to: str = Field(description="Username.", max_length=NAME_MAX)
    reason: str = Field("", max_length=300)
    revision: int | None = Field(
        None, ge=0, le=MOST_REVISION, description="What was seen; an older one answers 409."
    )


@router.get("/team", response=Page[ReviewerLoadOut], operation_id="get_team")
@requires("cases.assign", scope="rows")
def team(request: HttpRequest, queue: str = "") -> dict[str, Any]:
    """List the people who decide in one's queues with what they hold, the fullest first."""
    principal, now = principal_of(request), timezone.now()
    queues = [
        each
        for each in list_queues(principal)
        if can(principal, "cases.assign", queue=each.name) and queue in {"", each.name}
    ]
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return whole_page(_lane_out(lane) for lane in list_lanes(queues, now, today))


def _lane_out(lane: Lane) -> dict[str, Any]:
    away = lane.away
    return {
        "person": lane.person.username if lane.person else "",
        "held": lane.held,
        "limit": lane.limit,
        "overdue": lane.overdue,
        "due_soon": lane.due_soon,
        "oldest_at": lane.oldest_at,
        "decided_today": lane.decided,
        "level": lane.level,
        "skills": list(lane.skills),
        "away_until": away.ends_at if away else None,
        "cover": away.cover.username if away and away.cover else None,
    }


@router.post("/cases/{case_id}/delegate", response=CaseOut, operation_id="delegate_case")
@requires("cases.decide", scope="rows")
def delegate(request: HttpRequest, case_id: Id, body: DelegateIn) -> dict[str, Any]:
    """Pass a case that one holds to a colleague, and give up deciding it."""
    acting = authorise(request, case_id)
    case = delegate_case(
        case_id=case_id,
        to=find_person(body.to),
        acting=acting,
        now=timezone.now(),
        reason=body.reason,
        revision=body.revision,
    )
    return case_out(case)
