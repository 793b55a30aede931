"""The team's page: who holds what, who is away; giving cases to people."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.errors import NotAuthorised, ReviewError, SettingsInvalid
from reviews.models import Case, Queue
from reviews.selectors.acting import acting_as, reviewer_of
from reviews.selectors.cases import get_visible_case
from reviews.selectors.lists import list_queues
from reviews.services.leases import release_case
from reviews.services.passing import assign_case
from reviews.team.forms import ReviewerForm
from reviews.team.selectors import deciders, free_lane, list_absences, team_lanes
from reviews.team.services import leads, set_reviewer
from workbench.accounts.models import User
from workbench.accounts.permissions import can, principal_of, requires
from workbench.http.numbers import number_in


@require_GET
@requires("cases.assign")
def team(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/team/team.html", _context(request))


@require_GET
@requires("cases.assign")
def lanes(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/team/_lanes.html", _context(request))


@require_POST
@requires("cases.assign")
def give(request: HttpRequest) -> HttpResponse:
    """Give a case to a person, or back to its queue; answer with the lanes as they are then."""
    refusal = _give(request)
    context = {**_context(request), "refusal": refusal}
    status = 409 if refusal else 200
    if request.headers.get("HX-Request") != "true":
        return render(request, "reviews/team/team.html", context, status=status)
    return render(request, "reviews/team/_lanes.html", context, status=status)


def _give(request: HttpRequest) -> str:
    """Return what stands against it, empty if it was done."""
    number = number_in(request.POST.get("case"))
    acting, now = acting_as(principal_of(request)), timezone.now()
    try:
        if number is None:
            raise Case.DoesNotExist
        case = get_visible_case(number, principal_of(request), "cases.assign")
    except Case.DoesNotExist:
        raise Http404("There is no such case for you.") from None
    name = request.POST.get("to", "")
    to = get_object_or_404(User, username=name, is_active=True) if name else None
    try:
        if to is not None:
            assign_case(case_id=case.pk, to=to, acting=acting, now=now)
        else:
            release_case(case_id=case.pk, acting=acting, now=now)
    except ReviewError as error:
        return f"{case.title}: {error}"
    return ""


def _context(request: HttpRequest) -> dict[str, Any]:
    now, principal = timezone.now(), principal_of(request)
    queues = [
        queue
        for queue in list_queues(principal)
        if can(principal, "cases.assign", queue=queue.name)
    ]
    wanted = request.GET.get("queue", "") or request.POST.get("queue", "")
    chosen = [queue for queue in queues if queue.name == wanted] or queues
    rows = team_lanes(chosen, now, _today(now))
    return {
        "queues": queues,
        "chosen": wanted if len(chosen) == 1 and len(queues) != 1 else "",
        "free": free_lane(chosen, now),
        "lanes": rows,
        "people": [lane.person for lane in rows],
        "absences": list_absences(deciders(chosen), now),
        "held": sum(lane.held for lane in rows),
        "overdue": sum(lane.overdue for lane in rows),
        "due_soon": sum(lane.due_soon for lane in rows),
        "live": " ".join(["team", *(f"queue.{queue.name}" for queue in chosen)]),
        "triggers": _triggers(chosen),
        "now": now,
    }


def _triggers(queues: list[Queue]) -> str:
    groups = ["team", *(f"queue.{queue.name}" for queue in queues)]
    return ", ".join(f"live:{group} from:body" for group in groups)


def _today(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


# --- One person -----------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@requires("queues.manage")
def reviewer(request: HttpRequest, username: str) -> HttpResponse:
    """A person's authority level and skills."""
    person = get_object_or_404(User, username=username, is_active=True)
    acting = acting_as(principal_of(request))
    if not (leads(acting, person) or can(acting.principal, "people.manage")):
        raise Http404(f"You lead no queue in which {username} decides.")
    known = reviewer_of(person)
    first = {"level": known.level, "skills": ", ".join(known.skills)}
    form = ReviewerForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            set_reviewer(
                person=person,
                level=form.cleaned_data["level"],
                skills=form.cleaned_data["skills"],
                actor=acting.actor,
                by=acting.user,
                now=timezone.now(),
            )
            return redirect("reviews:team")
        except SettingsInvalid as error:
            for name, problem in error.problems.items():
                form.add_error(name, problem)
        except NotAuthorised as error:
            form.add_error(None, str(error))
    status = 422 if request.method == "POST" else 200
    context = {"person": person, "form": form, "own": person == acting.user}
    return render(request, "reviews/team/reviewer.html", context, status=status)
