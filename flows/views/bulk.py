"""One act on many runs: what it would touch, the confirmation, how far it is."""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows import selectors, services
from flows.engine.lanes import Lane
from flows.models import BulkAct, Flow
from flows.selectors.bulk import MOST_COUNTED, get_bulk_act, list_bulk_acts
from flows.selectors.run_filters import RunFilters
from flows.services import Act
from flows.services.bulk import APPLIES_TO
from flows.views.requests import actor_of, positive_number, read_run_filters
from workbench.accounts.permissions import Reach, can, reach, requires

SHOWN = 8
NEWEST_ACTS = 10


@dataclass(frozen=True, slots=True)
class Face:
    """How an act is told: on its choice, what it means, and on its button."""

    icon: str
    word: str
    text: str
    button: str = ""


FACES: dict[Act, Face] = {
    Act.RETRY: Face(
        "rotate-cw", "Retry", "Failed runs go on from where they failed; what was done stays done."
    ),
    Act.RERUN: Face(
        "repeat",
        "Run again",
        "A new run for each that has ended, with its input. Effects repeat.",
        "Run {} again",
    ),
    Act.CANCEL: Face(
        "ban", "Cancel", "They end; their waits and open cases go away. This cannot be undone."
    ),
    Act.PAUSE: Face(
        "pause",
        "Pause",
        "Steps under way finish, nothing new begins, also in the runs they called.",
    ),
    Act.RESUME: Face("play", "Resume", "Paused runs go on."),
    Act.MIGRATE: Face(
        "git-commit-horizontal",
        "Move to a version",
        "Waiting runs go on with another version, where the steps they stand on still exist.",
        "Move {}",
    ),
    Act.LANE: Face("route", "Change lane", "They are taken up sooner or later.", "Move {}"),
}


@requires("runs.operate")
@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    """Choose an act for the runs that the address narrows to; POST begins it."""
    if request.method == "POST":
        return _begin(request)
    return _page(request)


def _begin(request: HttpRequest) -> HttpResponse:
    act = _act(request.POST.get("act", ""))
    options = services.BulkOptions(
        reason=request.POST.get("reason", "").strip()[:500],
        step=request.POST.get("step", "").strip()[:80],
        version=positive_number(request.POST.get("version", "")),
        lane=request.POST.get("lane", ""),
    )
    try:
        begun = services.start_bulk_act(
            act=act,
            filters=read_run_filters(request.GET),
            within=_within(request, act),
            options=options,
            up_to=positive_number(request.POST.get("up_to", "")),
            actor=actor_of(request),
            now=timezone.now(),
        )
    except services.ServiceError as error:
        return _page(request, refusal=f"{error} {error.remedy}", status=422)
    return redirect("flows:bulk-act", begun.pk)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    filters = read_run_filters(request.GET)
    act = _act(request.POST.get("act") or request.GET.get("act", "") or _usual(filters))
    within = _within(request, act)
    plan = services.plan_bulk_act(act=act, filters=filters, within=within)
    query = {k: str(v) for k, v in request.GET.items() if v and k not in {"act", "before"}}
    flow = Flow.objects.filter(name=filters.flow).first() if filters.flow else None
    context = {
        "act": act,
        "face": FACES[act],
        "acts": [_choice(each, act, query) for each in FACES],
        "plan": plan,
        "count": f"{plan.matched:,}{'' if plan.is_exact else '+'}",
        "button": _button(FACES[act], plan),
        "takes": " or ".join(sorted(APPLIES_TO[act])),
        "filters": filters,
        "chips": _chips(filters),
        "list_query": urlencode(query),
        "rows": _sample(filters, act, within),
        "versions": list(flow.versions.order_by("-number").only("number", "note")[:50])
        if flow
        else [],
        "lanes": list(Lane),
        "most_counted": MOST_COUNTED,
        "recent": list_bulk_acts(reach(request.user, "runs.operate"))[:NEWEST_ACTS],
        **more,
    }
    return render(request, "flows/bulk.html", context, status=status)


def _button(face: Face, plan: services.BulkPlan) -> str:
    runs = f"{plan.matched:,}{'' if plan.is_exact else '+'} run{'' if plan.matched == 1 else 's'}"
    return (face.button or f"{face.word} {{}}").format(runs)


def _usual(filters: RunFilters) -> str:
    """Return the act that a person most likely wants for runs in this state."""
    usual = {"failed": Act.RETRY, "paused": Act.RESUME, "completed": Act.RERUN}
    return usual.get(filters.state, Act.RETRY if filters.error else Act.CANCEL)


def _act(text: str) -> Act:
    try:
        return Act(text)
    except ValueError:
        raise Http404(f"Runs cannot be {text!r}.") from None


def _choice(act: Act, chosen: Act, query: dict[str, str]) -> dict[str, Any]:
    return {
        "face": FACES[act],
        "link": "?" + urlencode({**query, "act": act.value}),
        "current": act is chosen,
    }


def _chips(filters: RunFilters) -> list[tuple[str, str]]:
    words = {"text": "Search", "started_from": "Started from", "started_to": "Started before"}
    given = {name: value for name, value in asdict(filters).items() if value}
    return [
        (words.get(name, name.capitalize()), f"{value:%Y-%m-%d %H:%M}" if "started" in name
         else str(value).replace("_", " "))
        for name, value in given.items()
    ]  # fmt: skip


def _sample(filters: RunFilters, act: Act, within: Reach) -> list[Any]:
    """Return the newest runs it would touch, as far as the newest page shows them."""
    page = selectors.list_runs(filters, within=within)
    return [row for row in page.rows if row.run.status in APPLIES_TO[act]][:SHOWN]


def _within(request: HttpRequest, act: Act) -> Reach:
    permission = "runs.start" if act is Act.RERUN else "runs.operate"
    if not can(request.user, permission):
        raise PermissionDenied(f"This needs the permission {permission}.")
    return reach(request.user, permission)


# --- One that was begun -----------------------------------------------------------


@requires("runs.operate")
@require_GET
def bulk_act(request: HttpRequest, bulk_id: int) -> HttpResponse:
    return render(request, "flows/bulk_act.html", _act_context(request, bulk_id))


@requires("runs.operate")
@require_GET
def bulk_progress(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """How far it is, for the page to fetch while it runs."""
    return render(request, "flows/_bulk_progress.html", _act_context(request, bulk_id))


@requires("runs.operate")
@require_POST
def bulk_stop(request: HttpRequest, bulk_id: int) -> HttpResponse:
    _act_context(request, bulk_id)
    try:
        services.stop_bulk_act(bulk_id=bulk_id, actor=actor_of(request), now=timezone.now())
    except services.BulkActEnded as error:
        messages.info(request, error.message)
    return redirect("flows:bulk-act", bulk_id)


def _act_context(request: HttpRequest, bulk_id: int) -> dict[str, Any]:
    try:
        found = get_bulk_act(bulk_id, reach(request.user, "runs.operate"))
    except BulkAct.DoesNotExist:
        raise Http404("There is no such act on runs, or you may not see it.") from None
    filters = RunFilters(**{**found.filters, "started_from": None, "started_to": None})
    kept = {k: v for k, v in found.filters.items() if v}
    return {
        "bulk": found,
        "face": FACES[Act(found.act)],
        "chips": _chips(filters),
        "options": {name: value for name, value in found.options.items() if value},
        "handled": found.done + found.refused,
        "list_query": urlencode({"flow": kept.get("flow", "")}),
        "now": timezone.now(),
    }
