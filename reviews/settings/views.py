"""Settings of queues, SLA policies and calendars, each with a look at what it would mean."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.errors import SettingsInvalid
from reviews.models import CLAIMABLE_STATES, OPEN_ENDED, Case, Queue, SlaPolicy, WorkCalendar
from reviews.rules.ordering import ordering_from, rank
from reviews.rules.sla import (
    calendar_from,
    calendar_problems,
    instants_of,
    plan_from,
    policy_problems,
)
from reviews.selectors.acting import acting_as
from reviews.selectors.lists import visible_queue
from reviews.settings.forms import (
    CalendarForm,
    PolicyForm,
    QueueForm,
    StepFormSet,
    add_problems,
    minutes_text,
    targets,
    time_zones,
)
from reviews.settings.services import change_queue, create_queue, save_calendar, save_policy
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can

OFFICE_HOURS = "09:00-17:00"
SHOWN_DAYS = 14
SHOWN_CASES = 8
# How many of the cases now in front a change of weights is tried on.
TRIED_CASES = 300


# --- Queues -----------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@requires("queues.manage", queue="name")
def queue_settings(request: HttpRequest, name: str) -> HttpResponse:
    queue = visible_queue(request, name)
    first = QueueForm.initial_of(queue, ordering_from(queue.ordering))
    form = QueueForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            change_queue(
                queue=queue,
                values=form.values(),
                actor=acting_as(principal_of(request)).actor,
                now=timezone.now(),
            )
        except SettingsInvalid as error:
            add_problems(form, error.problems, {"ordering": "sla"})
        else:
            messages.success(request, f"{form.cleaned_data['title']} is saved.")
            return redirect("reviews:queue", name=name)
    context = {"queue": queue, "form": form, **_order_of(queue, ordering_from(queue.ordering))}
    status = 422 if request.method == "POST" else 200
    return render(request, "reviews/settings/queue.html", context, status=status)


@require_POST
@requires("queues.manage", queue="name")
def queue_order(request: HttpRequest, name: str) -> HttpResponse:
    """Show in which order the cases would come by the weights that are typed."""
    queue = visible_queue(request, name)
    form = QueueForm(request.POST)
    weights = {"sla", "priority_hours", "value_hours"}
    form.is_valid()
    wrong = weights & set(form.errors)
    ordering = ordering_from(queue.ordering if wrong else form.ordering())
    context = {"queue": queue, "wrong": wrong, **_order_of(queue, ordering)}
    return render(request, "reviews/settings/_order.html", context)


def _order_of(queue: Queue, ordering: Any) -> dict[str, Any]:
    """Return the first cases by these weights, with the place that each has now: one query."""
    front = list(
        Case.objects.filter(OPEN_ENDED, queue=queue, state__in=CLAIMABLE_STATES)
        .only("pk", "title", "opened_at", "due_at", "warn_at", "priority", "value", "rank", "state")
        .order_by("rank", "id")[:TRIED_CASES]
    )
    places = {case.pk: place for place, case in enumerate(front, 1)}

    def new_rank(case: Case) -> float:
        return rank(
            ordering,
            opened_at=case.opened_at,
            due_at=case.due_at,
            priority=case.priority,
            value=case.value,
        )

    ordered = sorted(front, key=lambda case: (new_rank(case), case.pk))[:SHOWN_CASES]
    rows = [
        {"case": case, "now": places[case.pk], "moved": places[case.pk] - place}
        for place, case in enumerate(ordered, 1)
    ]
    return {"rows": rows, "tried": len(front), "now": timezone.now()}


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def queue_new(request: HttpRequest) -> HttpResponse:
    title = request.POST.get("title", "").strip()[:120]
    problem = ""
    if request.method == "POST":
        name = slugify(title)[:80]
        if not name:
            problem = "Give the queue a title with letters or digits."
        elif Queue.objects.filter(name=name).exists():
            problem = f"There is a queue {name} already: choose another title."
        else:
            actor = acting_as(principal_of(request)).actor
            create_queue(name=name, title=title, actor=actor, now=timezone.now())
            messages.success(request, f"{title} is there. Flows name it as {name}.")
            return redirect("reviews:queue_settings", name=name)
    status = 422 if problem else 200
    context = {"title": title, "problem": problem}
    return render(request, "reviews/settings/queue_new.html", context, status=status)


# --- Policies and calendars ---------------------------------------------------------


@require_GET
@requires("queues.view")
def promises(request: HttpRequest) -> HttpResponse:
    """The SLA policies, and the calendars they count in."""
    context = {
        "policies": [
            {"policy": policy, "due": minutes_text(policy.due_minutes)}
            for policy in SlaPolicy.objects.select_related("calendar").order_by("title")
        ],
        "calendars": WorkCalendar.objects.order_by("name"),
        "may_manage": can(principal_of(request), "queues.manage"),
    }
    return render(request, "reviews/settings/promises.html", context)


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def policy_new(request: HttpRequest) -> HttpResponse:
    return _policy_page(request, None)


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def policy_edit(request: HttpRequest, name: str) -> HttpResponse:
    policy = get_object_or_404(SlaPolicy.objects.select_related("calendar"), name=name)
    return _policy_page(request, policy)


def _policy_page(request: HttpRequest, policy: SlaPolicy | None) -> HttpResponse:
    form, steps = _policy_forms(request, policy)
    if request.method == "POST" and form.is_valid() and steps.is_valid():
        values = _policy_values(form, steps)
        name = policy.name if policy else form.name_of_new()
        if policy is None and (not name or SlaPolicy.objects.filter(name=name).exists()):
            form.add_error("title", "There is a policy of that name: choose another title.")
        else:
            try:
                save_policy(
                    name=name,
                    values=values,
                    actor=acting_as(principal_of(request)).actor,
                    now=timezone.now(),
                )
            except SettingsInvalid as error:
                add_problems(form, error.problems, {})
            else:
                messages.success(request, f"{values['title']} is saved. Open cases keep theirs.")
                return redirect("reviews:promises")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "steps": steps, "policy": policy}
    return render(request, "reviews/settings/policy.html", context, status=status)


@require_POST
@requires("queues.manage")
def policy_preview(request: HttpRequest) -> HttpResponse:
    """Show when each act would come for a case that opens now, by what is typed."""
    form, steps = _policy_forms(request, None)
    context: dict[str, Any] = {}
    if form.is_valid() and steps.is_valid():
        values = _policy_values(form, steps)
        context["problems"] = policy_problems(values)
        if not context["problems"]:
            context |= _preview(values, timezone.now())
    else:
        context["unready"] = True
    return render(request, "reviews/settings/_policy_preview.html", context)


def _policy_forms(request: HttpRequest, policy: SlaPolicy | None) -> tuple[PolicyForm, Any]:
    choices = {"to_choices": targets()}
    if request.method == "POST":
        return PolicyForm(request.POST), StepFormSet(request.POST, form_kwargs=choices)
    if policy is None:
        warned = [{"act": "warn", "after_minutes": 240}]
        return PolicyForm(), StepFormSet(initial=warned, form_kwargs=choices)
    steps = StepFormSet(initial=policy.steps, form_kwargs=choices)
    return PolicyForm(initial=PolicyForm.initial_of(policy)), steps


def _policy_values(form: PolicyForm, steps: Any) -> dict[str, Any]:
    return {**form.cleaned_data, "steps": [step for each in steps if (step := each.step())]}


def _preview(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    calendar = values["calendar"].snapshot()
    plan = plan_from({**values, "policy": "preview", "calendar": calendar})
    return {
        "opened_at": now,
        "rows": [
            {"act": act, "at": at, "after": minutes_text(act.after_seconds / 60)}
            for act, at in instants_of(plan, now)
        ],
        "breach": values["breach"],
        "calendar": values["calendar"],
    }


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def calendar_new(request: HttpRequest) -> HttpResponse:
    return _calendar_page(request, None)


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def calendar_edit(request: HttpRequest, name: str) -> HttpResponse:
    return _calendar_page(request, get_object_or_404(WorkCalendar, name=name))


def _calendar_page(request: HttpRequest, calendar: WorkCalendar | None) -> HttpResponse:
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE_HOURS)
    first = CalendarForm.initial_of(calendar) if calendar else week
    form = CalendarForm(request.POST or None, initial=first, new=calendar is None)
    if request.method == "POST" and form.is_valid():
        name = calendar.name if calendar else form.cleaned_data["name"]
        if calendar is None and WorkCalendar.objects.filter(name=name).exists():
            form.add_error("name", "There is a calendar of that name: choose another.")
        else:
            try:
                save_calendar(
                    name=name,
                    values=form.values(),
                    actor=acting_as(principal_of(request)).actor,
                    now=timezone.now(),
                )
            except SettingsInvalid as error:
                add_problems(form, error.problems, {"hours": "monday"})
            else:
                messages.success(request, f"{name} is saved. Open cases keep theirs.")
                return redirect("reviews:promises")
    data = calendar.snapshot() if calendar else {"hours": {}}
    context = {
        "form": form,
        "calendar": calendar,
        "zones": time_zones(),
        "days": _days(data, timezone.now()) if calendar else [],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "reviews/settings/calendar.html", context, status=status)


@require_POST
@requires("queues.manage")
def calendar_preview(request: HttpRequest) -> HttpResponse:
    """Show the next days as the calendar that is typed has them."""
    form = CalendarForm(request.POST)
    context: dict[str, Any] = {"unready": True}
    if form.is_valid():
        data = form.values()
        problems = calendar_problems(data)
        context = {"problems": problems, "days": [] if problems else _days(data, timezone.now())}
    return render(request, "reviews/settings/_days.html", context)


def _days(data: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Return the next days with their opening hours in the calendar's own zone."""
    if calendar_problems(data):
        return []
    calendar = calendar_from(data)
    today = calendar.local(now).date()
    days = [today + timedelta(days=offset) for offset in range(SHOWN_DAYS)]
    return [
        {
            "day": day,
            "holiday": calendar.holiday_name(day),
            "spans": [(calendar.local(a), calendar.local(b)) for a, b in calendar.spans(day)],
        }
        for day in days
    ]
