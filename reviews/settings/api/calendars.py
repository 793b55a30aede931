"""The calendars of SLA policies over HTTP."""

from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router
from pydantic import Field

from reviews.models import WorkCalendar
from reviews.selectors.editables import CALENDAR
from reviews.settings.api.problems import report_problems
from reviews.settings.api.queues import Name
from reviews.settings.services.sla import save_calendar
from workbench.accounts.gate import requires
from workbench.http.preconditions import edits, shows
from workbench.http.schemas import Page, Strict
from workbench.http.sign_in import actor_of

router = Router(tags=["queues and SLA"])


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
    revision: str


@router.get("/calendars", response=Page[CalendarOut], operation_id="list_calendars")
@requires("queues.view", scope="anywhere")
def calendars(request: HttpRequest) -> dict[str, Any]:
    """List the calendars in which due times are counted."""
    found = WorkCalendar.objects.order_by("name")
    return {"items": [_calendar_out(each) for each in found], "next": None}


@router.get("/calendars/{name}", response=CalendarOut, operation_id="get_calendar")
@requires("queues.view", scope="anywhere")
@shows(CALENDAR)
def get_calendar(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a calendar."""
    found = WorkCalendar.objects.filter(name=name).first()
    if found is None:
        raise Http404(f"There is no calendar {name}.")
    return _calendar_out(found)


@router.put("/calendars/{name}", response=CalendarOut, operation_id="save_calendar")
@requires("queues.manage", scope="installation")
@edits(CALENDAR, lambda request, given: [given["name"]], creates=True)
def put_calendar(request: HttpRequest, name: Name, body: CalendarIn) -> dict[str, Any]:
    """Create a calendar, or replace it. Open cases keep the one they were opened under."""
    values = body.model_dump(mode="json")
    with report_problems():
        saved = save_calendar(name=name, values=values, actor=actor_of(request), now=timezone.now())
    return _calendar_out(saved)


def _calendar_out(calendar: WorkCalendar) -> dict[str, Any]:
    return {**calendar.snapshot(), "revision": CALENDAR.revision_of(calendar)}
