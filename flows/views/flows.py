"""The list of flows, and the page of one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows import selectors, services
from flows.graph.operations import normal_form
from flows.models import Flow, RunStatus
from flows.selectors.canvas import get_canvas_data
from flows.selectors.changes import to_text
from flows.selectors.problems import list_problems
from flows.selectors.run_filters import RunFilters
from flows.views.requests import actor_of, flow_context, flow_or_404, version_or_404
from workbench.accounts.gate import requires
from workbench.accounts.permissions import Reach, can, reach

PAGE_SIZE = 50
RECENT_RUNS = 8
STATE_ORDER = [
    RunStatus.RUNNING,
    RunStatus.FAILED,
    RunStatus.COMPLETED,
    RunStatus.PAUSED,
    RunStatus.CANCELLED,
]

# --- The list ---------------------------------------------------------------------


@requires("flows.view", scope="rows")
@require_GET
def flow_list(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/flow_list.html", _list_context(request))


@requires("flows.view", scope="rows")
@require_GET
def flow_rows(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/_flow_rows.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("q", "").strip()[:100]
    archived = request.GET.get("archived") == "1"
    rows = selectors.list_flows(
        within=reach(request.user, "flows.view"), now=timezone.now(), text=text, archived=archived
    )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return {
        "rows": page,
        "text": text,
        "archived": archived,
        "query": request.GET.urlencode(),
        "state_order": STATE_ORDER,
        "may_edit": can(request.user, "flows.edit"),
    }


# --- One flow ---------------------------------------------------------------------


@requires("flows.view", scope="flow:name")
@require_GET
def flow_detail(request: HttpRequest, name: str) -> HttpResponse:
    """Show what is released, the counts of recent runs, and the newest runs."""
    flow = flow_or_404(name)
    return render(request, "flows/flow_detail.html", _get_detail_context(request, flow, "overview"))


@requires("flows.view", scope="flow:name")
@require_GET
def flow_activity(request: HttpRequest, name: str) -> HttpResponse:
    """Show the counts and newest runs alone, which the page fetches after a nudge."""
    flow = flow_or_404(name)
    return render(request, "flows/_flow_activity.html", {"flow": flow, **_get_activity(flow)})


def _get_detail_context(request: HttpRequest, flow: Flow, tab: str) -> dict[str, Any]:
    problems = list_problems(flow.draft)
    return {
        **flow_context(request, flow, tab),
        **_get_activity(flow),
        "versions": list(selectors.list_versions(flow)[:5]),
        "errors": sum(each["severity"] == "error" for each in problems),
        "description": (flow.released.document if flow.released else flow.draft).get(
            "description", ""
        ),
    }


@requires("runs.operate", scope="flow:name")
@require_POST
def flow_pause(request: HttpRequest, name: str) -> HttpResponse:
    """Pause the flow and its runs, or resume both if ``resume`` is posted."""
    flow = flow_or_404(name)
    resume = bool(request.POST.get("resume"))
    act = services.resume_flow if resume else services.pause_flow
    begun = act(flow_id=flow.pk, actor=actor_of(request), now=timezone.now())
    done = "takes new runs again" if resume else "takes no new runs"
    messages.success(
        request,
        f"{flow.title} {done}; {begun.matched:,} runs are {'resumed' if resume else 'paused'}.",
    )
    return redirect("flows:flow-detail", flow.name)


def _get_activity(flow: Flow) -> dict[str, Any]:
    here = Reach(everywhere=False, scopes=frozenset({(flow.name, "")}))
    page = selectors.list_runs(RunFilters(flow=flow.name), within=here, page_size=RECENT_RUNS)
    stats = selectors.count_recent_runs(flow, now=timezone.now())
    return {
        "stats": [(status, stats.get(status, 0)) for status in STATE_ORDER],
        "runs": page.rows,
        "cost": selectors.get_flow_cost(flow.name, timezone.now()),
        "now": timezone.now(),
    }


@requires("flows.view", scope="flow:name")
@require_GET
def flow_canvas(request: HttpRequest, name: str, number: int | None = None) -> JsonResponse:
    """Return what the canvas draws: the version, or the draft without a number."""
    flow = flow_or_404(name)
    document = flow.draft if number is None else version_or_404(flow, number).document
    return JsonResponse(get_canvas_data(normal_form(document)))


@requires("flows.view", scope="flow:name")
@require_GET
def flow_export(request: HttpRequest, name: str, number: int | None = None) -> HttpResponse:
    """Return the version, or the draft without a number, as a YAML file."""
    flow = flow_or_404(name)
    document = flow.draft if number is None else version_or_404(flow, number).document
    response = HttpResponse(to_text(document), content_type="application/yaml; charset=utf-8")
    suffix = "draft" if number is None else f"v{number}"
    response["Content-Disposition"] = f'attachment; filename="{flow.name}-{suffix}.yaml"'
    return response
