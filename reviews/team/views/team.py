"""The team's page: who holds what, who is away; giving cases to people."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.finding import find_case
from reviews.models import Queue
from reviews.selectors.acting import make_acting
from reviews.selectors.lists import list_queues
from reviews.services.leases import release_case
from reviews.services.passing import assign_case
from reviews.team.selectors import get_free_lane, list_absences, list_deciders, list_lanes
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.models import User
from workbench.accounts.permissions import can, reach
from workbench.http.numbers import number_in


@require_GET
@requires("cases.assign", scope="rows")
def team(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/team/team.html", _context(request))


@require_GET
@requires("cases.assign", scope="rows")
def lanes(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/team/_lanes.html", _context(request))


@require_POST
@requires("cases.assign", scope="rows")
def give(request: HttpRequest) -> HttpResponse:
    """Give a case to a person, or back to its queue, and show the lanes as they are then."""
    refusal = _reassign(request)
    context = {**_context(request), "refusal": refusal}
    status = 409 if refusal else 200
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "reviews/team/team.html", context, status=status)
    return render(request, "reviews/team/_lanes.html", context, status=status)


def _reassign(request: HttpRequest) -> str:
    """Give the case to the person named, or back to its queue; return why not, "" if done."""
    case_id = number_in(request.POST.get("case"))
    if case_id is None:
        raise Http404("There is no such case for you.")
    case = find_case(request, case_id, "cases.assign")
    acting, now = make_acting(principal_of(request)), timezone.now()
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
    now = timezone.now()
    queues = _queues_to_assign(request)
    wanted = request.GET.get("queue", "") or request.POST.get("queue", "")
    chosen = [queue for queue in queues if queue.name == wanted] or queues
    rows = list_lanes(chosen, now, _midnight(now))
    groups = ["team", *(f"queue.{queue.name}" for queue in chosen)]
    return {
        "queues": queues,
        "chosen": wanted if len(chosen) == 1 and len(queues) != 1 else "",
        "free": get_free_lane(chosen, now),
        "lanes": rows,
        "people": [lane.person for lane in rows],
        "absences": list_absences(list_deciders(chosen), now),
        "held": sum(lane.held for lane in rows),
        "overdue": sum(lane.overdue for lane in rows),
        "due_soon": sum(lane.due_soon for lane in rows),
        "live": " ".join(groups),
        "triggers": ", ".join(f"live:{group} from:body" for group in groups),
        "may_set_levels": reach(principal_of(request), "queues.manage").everywhere,
        "now": now,
    }


def _queues_to_assign(request: HttpRequest) -> list[Queue]:
    principal = principal_of(request)
    return [
        queue
        for queue in list_queues(principal)
        if can(principal, "cases.assign", queue=queue.name)
    ]


def _midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
