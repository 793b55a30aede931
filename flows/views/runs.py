"""The list of runs."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows import selectors
from flows.models import Flow, RunStatus
from flows.selectors.flows import within_reach
from flows.selectors.run_counts import COUNT_CAP
from flows.selectors.run_filters import WAITING, RunFilters
from flows.views.requests import get_run_reach, positive_number, read_run_filters
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

STATES = [RunStatus.RUNNING, WAITING, *(s for s in RunStatus.values if s != RunStatus.RUNNING)]


@requires("runs.view", scope="rows")
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Show the runs that match the address. The newest page refreshes itself."""
    within = get_run_reach(request)
    flows = Flow.objects.filter(within_reach(within)).order_by("title").only("name", "title")
    return render(request, "flows/run_list.html", {**_list_context(request), "flows": flows})


@requires("runs.view", scope="rows")
@require_GET
def run_rows(request: HttpRequest) -> HttpResponse:
    """Show the rows and counts alone, which the page fetches after a nudge."""
    return render(request, "flows/_run_rows.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    filters, within = read_run_filters(request.GET), get_run_reach(request)
    before = positive_number(request.GET.get("before", ""))
    page = selectors.list_runs(filters, within=within, before=before)
    counts = selectors.count_runs(filters, within=within)
    kept = {key: str(value) for key, value in request.GET.items() if value and key != "before"}
    older = urlencode({**kept, "before": page.next_before}) if page.next_before else ""
    return {
        "page": page,
        "filters": filters,
        "is_filtered": filters != RunFilters(),
        "typed_version": request.GET.get("version", ""),
        "states": [_state_link(state, counts[state], kept, filters) for state in STATES],
        "all_link": "?" + urlencode({k: v for k, v in kept.items() if k != "state"}),
        "older": f"?{older}" if older else "",
        "newest": f"?{urlencode(kept)}" if before else "",
        "is_newest": before is None,
        "query": request.GET.urlencode(),
        "bulk_query": urlencode(kept),
        "may_operate": can(request.user, "runs.operate"),
        "now": timezone.now(),
    }


def _state_link(
    state: str, count: int, kept: dict[str, str], filters: RunFilters
) -> dict[str, Any]:
    return {
        "state": "waiting_for_person" if state == WAITING else state,
        "count": f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}",
        "link": "?" + urlencode({**kept, "state": state}),
        "current": filters.state == state,
    }
