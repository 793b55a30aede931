"""The page of a calendar, with a look at the next days in it."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from reviews.errors import SettingsInvalid
from reviews.models import WorkCalendar
from reviews.rules.sla import find_calendar_problems, read_calendar
from reviews.selectors.acting import make_acting
from reviews.selectors.editables import CALENDAR
from reviews.settings.forms.calendars import CalendarForm, list_time_zones
from reviews.settings.forms.fields import add_problems
from reviews.settings.services.sla import save_calendar
from workbench.accounts.gate import principal_of, requires
from workbench.http.rates import limit_previews
from workbench.shell.editing import AlreadyThere, Edit

OFFICE_WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-17:00")
SHOWN_DAYS = 14


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def calendar_new(request: HttpRequest) -> HttpResponse:
    return _calendar_page(request, None)


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def calendar_edit(request: HttpRequest, name: str) -> HttpResponse:
    return _calendar_page(request, get_object_or_404(WorkCalendar, name=name))


def _calendar_page(request: HttpRequest, calendar: WorkCalendar | None) -> HttpResponse:
    first = CalendarForm.initial_of(calendar) if calendar else OFFICE_WEEK
    form = CalendarForm(request.POST or None, initial=first, new=calendar is None)
    edit = Edit(request, CALENDAR, calendar)
    if edit.sent and form.is_valid() and (saved := _save(edit, form)):
        messages.success(request, f"{saved.name} is saved. Open cases keep theirs.")
        return redirect("reviews:promises")
    edit.compare(form, CalendarForm.initial_of)
    context = {
        "form": form,
        "edit": edit,
        "calendar": calendar,
        "zones": list_time_zones(),
        "days": _next_days(calendar.snapshot(), timezone.now()) if calendar else [],
    }
    return render(request, "reviews/settings/calendar.html", context, status=edit.status)


def _save(edit: Edit[WorkCalendar], form: CalendarForm) -> WorkCalendar | None:
    """Save the calendar; return None, with the problem on the page, if it does not hold."""
    name = edit.row.name if edit.row else form.cleaned_data["name"]
    actor = make_acting(principal_of(edit.request)).actor
    try:
        return edit.save(
            lambda: save_calendar(name=name, values=form.values(), actor=actor, now=timezone.now()),
            name,
        )
    except AlreadyThere:
        form.add_error("name", "There is a calendar of that name: choose another.")
    except SettingsInvalid as error:
        add_problems(form, error.problems, {"hours": "monday"})
    return None


@require_POST
@requires("queues.manage", scope="installation")
@limit_previews
def calendar_preview(request: HttpRequest) -> HttpResponse:
    """Show the next days by the calendar as typed so far."""
    form = CalendarForm(request.POST)
    context: dict[str, Any] = {"unready": True}
    if form.is_valid():
        data = form.values()
        problems = find_calendar_problems(data)
        context = {
            "problems": problems,
            "days": [] if problems else _next_days(data, timezone.now()),
        }
    return render(request, "reviews/settings/_days.html", context)


def _next_days(data: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Return the next days with their opening hours in the calendar's own zone."""
    if find_calendar_problems(data):
        return []
    calendar = read_calendar(data)
    today = calendar.localize(now).date()
    days = [today + timedelta(days=offset) for offset in range(SHOWN_DAYS)]
    return [
        {
            "day": day,
            "holiday": calendar.find_holiday(day),
            "spans": [(calendar.localize(a), calendar.localize(b)) for a, b in calendar.spans(day)],
        }
        for day in days
    ]
