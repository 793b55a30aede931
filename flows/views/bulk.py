"""Acts on many runs: what one would touch, its confirmation, its progress."""

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
from flows.models import BulkAct, FlowVersion
from flows.selectors.bulk import MOST_COUNTED, get_bulk_act, list_bulk_acts
from flows.selectors.run_filters import RunFilters
from flows.services import Act
from flows.services.bulk import APPLIES_TO
from flows.views.requests import actor_of, positive_number, read_run_filters
from workbench.accounts.gate import requires
from workbench.accounts.permissions import Reach, can, reach

SHOWN = 8
NEWEST_ACTS = 10
MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Label:
    """How an act is shown: as a choice, what it means, and on its button."""

    icon: str
    word: str
    text: str
    button: str = ""


LABELS: dict[Act, Label] = {
    Act.RETRY: Label(
        "rotate-cw", "Retry", "Failed runs go on from where they failed; what was done stays done."
    ),
    Act.RERUN: Label(
        "repeat",
        "Run again",
        "A new run for each that has ended, with its input. Effects repeat.",
        "Run {} again",
    ),
    Act.CANCEL: Label(
        "ban", "Cancel", "They end; their waits and open cases go away. This cannot be undone."
    ),
    Act.PAUSE: Label(
        "pause",
        "Pause",
        "Steps under way finish, nothing new begins, also in the runs they called.",
    ),
    Act.RESUME: Label("play", "Resume", "Paused runs go on."),
    Act.MIGRATE: Label(
        "git-commit-horizontal",
        "Move to a version",
        "Waiting runs go on with another version, if it has the steps at which they wait.",
        "Move {}",
    ),
    Act.LANE: Label("route", "Change lane", "They are taken up sooner or later.", "Move {}"),
}


@requires("runs.operate", scope="rows")
@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    """Show the acts for the runs that match the address; POST starts one."""
    if request.method == "POST":
        return _start(request)
    return _page(request)


def _start(request: HttpRequest) -> HttpResponse:
    act = _read_act(request.POST.get("act", ""))
    options = services.BulkOptions(
        reason=request.POST.get("reason", "").strip()[:500],
        step=request.POST.get("step", "").strip()[:80],
        version=positive_number(request.POST.get("version", "")),
        lane=request.POST.get("lane", ""),
    )
    try:
        started = services.start_bulk_act(
            act=act,
            filters=read_run_filters(request.GET),
            within=_get_reach(request, act),
            options=options,
            up_to=positive_number(request.POST.get("up_to", "")),
            actor=actor_of(request),
            now=timezone.now(),
        )
    except services.ServiceError as error:
        return _page(request, refusal=f"{error} {error.remedy}", status=422)
    return redirect("flows:bulk-act", started.pk)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    filters = read_run_filters(request.GET)
    act = _read_act(request.POST.get("act") or request.GET.get("act", "") or _guess_act(filters))
    within = _get_reach(request, act)
    plan = services.plan_bulk_act(act=act, filters=filters, within=within)
    query = {k: str(v) for k, v in request.GET.items() if v and k not in {"act", "before"}}
    context = {
        "act": act,
        "label": LABELS[act],
        "acts": [_build_choice(each, act, query) for each in LABELS],
        "plan": plan,
        "count": f"{plan.matched:,}{'' if plan.is_exact else '+'}",
        "button": _describe_button(LABELS[act], plan),
        "takes": " or ".join(sorted(APPLIES_TO[act])),
        "filters": filters,
        "chips": _describe_filters(filters),
        "list_query": urlencode(query),
        "rows": _list_sample(filters, act, within),
        "versions": _list_versions(filters.flow),
        "lanes": list(Lane),
        "most_counted": MOST_COUNTED,
        "recent": list_bulk_acts(reach(request.user, "runs.operate"))[:NEWEST_ACTS],
        **more,
    }
    return render(request, "flows/bulk.html", context, status=status)


def _list_versions(flow: str) -> list[FlowVersion]:
    if not flow:
        return []
    versions = FlowVersion.objects.filter(flow__name=flow).order_by("-number")
    return list(versions.only("number", "note")[:MOST_VERSIONS])


def _describe_button(label: Label, plan: services.BulkPlan) -> str:
    runs = f"{plan.matched:,}{'' if plan.is_exact else '+'} run{'' if plan.matched == 1 else 's'}"
    return (label.button or f"{label.word} {{}}").format(runs)


def _guess_act(filters: RunFilters) -> str:
    """Return the act that a person most likely wants for these runs."""
    usual = {"failed": Act.RETRY, "paused": Act.RESUME, "completed": Act.RERUN}
    return usual.get(filters.state, Act.RETRY if filters.error else Act.CANCEL)


def _read_act(text: str) -> Act:
    try:
        return Act(text)
    except ValueError:
        raise Http404(f"There is no act {text!r} on runs.") from None


def _build_choice(act: Act, chosen: Act, query: dict[str, str]) -> dict[str, Any]:
    return {
        "label": LABELS[act],
        "link": "?" + urlencode({**query, "act": act.value}),
        "current": act is chosen,
    }


def _describe_filters(filters: RunFilters) -> list[tuple[str, str]]:
    words = {"text": "Search", "started_from": "Started from", "started_to": "Started before"}
    given = {name: value for name, value in asdict(filters).items() if value and name != "unread"}
    return [
        (words.get(name, name.capitalize()), f"{value:%Y-%m-%d %H:%M}" if "started" in name
         else str(value).replace("_", " "))
        for name, value in given.items()
    ]  # fmt: skip


def _list_sample(filters: RunFilters, act: Act, within: Reach) -> list[Any]:
    """Return the newest runs that it would touch, among those on the newest page."""
    page = selectors.list_runs(filters, within=within)
    return [row for row in page.rows if row.run.status in APPLIES_TO[act]][:SHOWN]


def _get_reach(request: HttpRequest, act: Act) -> Reach:
    permission = "runs.start" if act is Act.RERUN else "runs.operate"
    if not can(request.user, permission):
        raise PermissionDenied(f"This needs the permission {permission}.")
    return reach(request.user, permission)


# --- One that was started ---------------------------------------------------------


@requires("runs.operate", scope="rows")
@require_GET
def bulk_act(request: HttpRequest, bulk_id: int) -> HttpResponse:
    return render(request, "flows/bulk_act.html", _get_act_context(request, bulk_id))


@requires("runs.operate", scope="rows")
@require_GET
def bulk_progress(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Show the progress alone, which the page fetches while the act runs."""
    return render(request, "flows/_bulk_progress.html", _get_act_context(request, bulk_id))


@requires("runs.operate", scope="rows")
@require_POST
def bulk_stop(request: HttpRequest, bulk_id: int) -> HttpResponse:
    _get_act_context(request, bulk_id)
    try:
        services.stop_bulk_act(bulk_id=bulk_id, actor=actor_of(request), now=timezone.now())
    except services.BulkActEnded as error:
        messages.info(request, error.message)
    return redirect("flows:bulk-act", bulk_id)


def _get_act_context(request: HttpRequest, bulk_id: int) -> dict[str, Any]:
    try:
        found = get_bulk_act(bulk_id, reach(request.user, "runs.operate"))
    except BulkAct.DoesNotExist:
        raise Http404("There is no such act on runs, or you may not see it.") from None
    filters = RunFilters(**{**found.filters, "started_from": None, "started_to": None})
    kept = {k: v for k, v in found.filters.items() if v}
    return {
        "bulk": found,
        "label": LABELS[Act(found.act)],
        "chips": _describe_filters(filters),
        "options": {name: value for name, value in found.options.items() if value},
        "handled": found.done + found.refused,
        "list_query": urlencode({"flow": kept.get("flow", "")}),
        "now": timezone.now(),
    }
