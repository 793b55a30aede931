"""The team over HTTP: its load, delegating, absences, saved views."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews import errors
from reviews.api.cases import CaseOut, case_out
from reviews.api.finding import Id, acting_on, person_named, queue_named
from reviews.models.team import Absence, SavedView
from reviews.rules.filters import NAME_MAX, TEXT_MAX, filters_from
from reviews.selectors.acting import acting_as
from reviews.selectors.lists import list_queues
from reviews.services.passing import delegate_case
from reviews.team import saved
from reviews.team.selectors import Lane, deciders, list_absences, list_views, team_lanes
from reviews.team.services import end_absence, plan_absence
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import person_of

router = Router(tags=["team"])

map_error(
    errors.AbsenceInvalid, status=422, code="absence-invalid", remedy="Correct dates or cover."
)
map_error(Absence.DoesNotExist, status=404, code="not-found", remedy="GET /absences has their ids.")
map_error(
    SavedView.DoesNotExist, status=404, code="not-found", remedy="List the queue's views for ids."
)


class LaneOut(Schema):
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
    revision: int | None = Field(None, description="What was seen; an older one answers 409.")


class AbsenceIn(Strict):
    person: str = Field("", description="Username; empty: oneself.", max_length=NAME_MAX)
    # Not strict: JSON has no instants, so they come as text.
    starts_at: datetime = Field(strict=False)
    ends_at: datetime = Field(strict=False, description="They are back from then on.")
    cover: str = Field("", description="Username of who gets the cases.", max_length=NAME_MAX)
    note: str = Field("", max_length=200)


class AbsenceOut(Schema):
    id: int
    person: str
    cover: str | None
    starts_at: datetime
    ends_at: datetime
    note: str
    state: str = Field(description="planned, away or over.")


class ViewIn(Strict):
    name: str = Field(min_length=1, max_length=saved.NAME_MAX)
    shared: bool = False
    show: str = Field("open", max_length=20)
    text: str = Field("", max_length=TEXT_MAX)
    band: str = Field("", max_length=20)
    priority: Annotated[int, Field(ge=0, le=4)] = 0
    holder: str = Field("", max_length=NAME_MAX)


class ViewOut(Schema):
    id: int
    name: str
    owner: str
    shared: bool
    filters: dict[str, Any] = Field(description="Query parameters of GET /cases.")


@router.get("/team", response=list[LaneOut], operation_id="get_team")
@requires("cases.assign")
def team(request: HttpRequest, queue: str = "") -> list[dict[str, Any]]:
    """List who decides in one's queues, with what they hold; the fullest first."""
    principal, now = principal_of(request), timezone.now()
    queues = [
        each
        for each in list_queues(principal)
        if can(principal, "cases.assign", queue=each.name) and queue in {"", each.name}
    ]
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return [_lane_out(lane) for lane in team_lanes(queues, now, today)]


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
@requires("cases.decide")
def delegate(request: HttpRequest, case_id: Id, body: DelegateIn) -> dict[str, Any]:
    """Pass a case that one holds to a colleague. One does not decide it any more."""
    acting = acting_on(request, case_id)
    case = delegate_case(
        case_id=case_id,
        to=person_named(body.to),
        acting=acting,
        now=timezone.now(),
        reason=body.reason,
        revision=body.revision,
    )
    return case_out(case)


# --- Absences -------------------------------------------------------------------------


@router.get("/absences", response=Page[AbsenceOut], operation_id="list_absences")
@requires("cases.decide")
def absences(request: HttpRequest) -> dict[str, Any]:
    """List the absences of colleagues that hold now or later."""
    colleagues = deciders(list_queues(principal_of(request)))
    found = list_absences(colleagues, timezone.now())
    return {"items": [_absence_out(each) for each in found], "next": None}


@router.post("/absences", response={201: AbsenceOut}, operation_id="plan_absence")
@requires("cases.decide")
def plan(request: HttpRequest, body: AbsenceIn) -> Status[Any]:
    """Plan that someone is away. What they hold goes to the cover when it begins."""
    for name in ("starts_at", "ends_at"):
        if getattr(body, name).tzinfo is None:
            raise ApiProblem(
                422, "absence-invalid", f"`{name}` has no offset.", "Write it as …T09:00:00+02:00."
            )
    planned = plan_absence(
        person=person_named(body.person) if body.person else person_of(request),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        cover=person_named(body.cover) if body.cover else None,
        note=body.note,
        acting=acting_as(principal_of(request), "api"),
        now=timezone.now(),
    )
    return Status(201, _absence_out(planned))


@router.post("/absences/{absence_id}/end", response={204: None}, operation_id="end_absence")
@requires("cases.decide")
def end(request: HttpRequest, absence_id: Id) -> Status[None]:
    """End an absence early, or call it off."""
    acting = acting_as(principal_of(request), "api")
    end_absence(absence_id=absence_id, acting=acting, now=timezone.now())
    return Status(204, None)


def _absence_out(absence: Absence) -> dict[str, Any]:
    return {
        "id": absence.pk,
        "person": absence.person.username,
        "cover": absence.cover.username if absence.cover else None,
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
        "note": absence.note,
        "state": absence.state(timezone.now()),
    }


# --- Saved views ----------------------------------------------------------------------


@router.get("/queues/{name}/views", response=Page[ViewOut], operation_id="list_saved_views")
@requires("cases.view", queue="name")
def views(request: HttpRequest, name: str) -> dict[str, Any]:
    """List one's own views of a queue and those shared with one."""
    found = list_views(queue_named(request, name), person_of(request))
    return {"items": [_view_out(each) for each in found], "next": None}


@router.post("/queues/{name}/views", response={201: ViewOut}, operation_id="save_view")
@requires("cases.view", queue="name")
def save(request: HttpRequest, name: str, body: ViewIn) -> Status[Any]:
    """Save a view by name, in place of one's own of that name."""
    view = saved.save_view(
        queue=queue_named(request, name),
        name=body.name,
        filters=filters_from(body.model_dump()),
        shared=body.shared,
        acting=acting_as(principal_of(request), "api"),
        now=timezone.now(),
    )
    return Status(201, _view_out(view))


@router.delete(
    "/queues/{name}/views/{view_id}", response={204: None}, operation_id="delete_saved_view"
)
@requires("cases.view", queue="name")
def delete(request: HttpRequest, name: str, view_id: Id) -> Status[None]:
    """Remove one of one's own views."""
    queue = queue_named(request, name)
    view = SavedView.objects.get(pk=view_id, queue=queue, owner=person_of(request))
    saved.delete_view(view=view, acting=acting_as(principal_of(request), "api"))
    return Status(204, None)


def _view_out(view: SavedView) -> dict[str, Any]:
    return {
        "id": view.pk,
        "name": view.name,
        "owner": view.owner.username,
        "shared": view.shared,
        "filters": view.filters,
    }
