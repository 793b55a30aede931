"""Absences over HTTP: list, plan and end them."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from reviews.api.finding import Id, find_person, get_acting
from reviews.errors import AbsenceInvalid
from reviews.models.team import Absence
from reviews.rules.filters import NAME_MAX
from reviews.selectors.lists import list_queues
from reviews.team.selectors import list_absences, list_deciders
from reviews.team.services.absences import end_absence, plan_absence
from workbench.accounts.gate import principal_of, requires
from workbench.http.instants import Instant
from workbench.http.problems import map_error
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import person_of

router = Router(tags=["team"])

map_error(AbsenceInvalid, status=422, code="absence-invalid", remedy="Correct dates or cover.")
map_error(Absence.DoesNotExist, status=404, code="not-found", remedy="GET /absences has their ids.")


class AbsenceIn(Strict):
    person: str = Field("", description="Username; empty: oneself.", max_length=NAME_MAX)
    # Not strict: JSON has no instants, so they come as text.
    starts_at: Instant = Field(strict=False)
    ends_at: Instant = Field(strict=False, description="They are back from then on.")
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


@router.get("/absences", response=Page[AbsenceOut], operation_id="list_absences")
@requires("cases.decide", scope="rows")
def absences(request: HttpRequest) -> dict[str, Any]:
    """List the absences of colleagues, present and planned."""
    colleagues = list_deciders(list_queues(principal_of(request)))
    found = list_absences(colleagues, timezone.now())
    return {"items": [_absence_out(each) for each in found], "next": None}


@router.post("/absences", response={201: AbsenceOut}, operation_id="plan_absence")
@requires("cases.decide", scope="rows")
def plan(request: HttpRequest, body: AbsenceIn) -> Status[Any]:
    """Plan an absence. When it begins, the person's cases go to who covers."""
    planned = plan_absence(
        person=find_person(body.person) if body.person else person_of(request),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        cover=find_person(body.cover) if body.cover else None,
        note=body.note,
        acting=get_acting(request),
        now=timezone.now(),
    )
    return Status(201, _absence_out(planned))


@router.post("/absences/{absence_id}/end", response={204: None}, operation_id="end_absence")
@requires("cases.decide", scope="rows")
def end(request: HttpRequest, absence_id: Id) -> Status[None]:
    """End an absence early, or call it off."""
    acting = get_acting(request)
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
