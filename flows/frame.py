"""What flows add to the page frame: places, commands, search, home panels, live groups."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from flows.health.selectors import get_health, list_budget_problems
from flows.models import Flow, Run, RunStatus
from flows.selectors.flows import list_flows, within_reach
from flows.selectors.run_filters import RunFilters, parse_run_id
from flows.selectors.runs import list_runs
from workbench.accounts.permissions import can, reach
from workbench.audit.subject_pages import SubjectPage, register_subject_pages
from workbench.http.numbers import number_in
from workbench.live.access import register_live_authoriser
from workbench.search.matching import having
from workbench.shell.registry import (
    Command,
    Found,
    NavItem,
    register_command,
    register_home_panel,
    register_nav,
    register_search,
)

MOST_FOUND = 6
HOME_RUNS, HOME_FLOWS, HOME_FAILED = 8, 6, 4


def register_frame() -> None:
    """Register all of it; the app does so at start-up."""
    register_nav(NavItem("Flows", "flows:flow-list", "workflow", "flows.view", order=10))
    register_nav(NavItem("Runs", "flows:run-list", "activity", "runs.view", order=20))
    register_nav(NavItem("Health", "flows:health", "heart-pulse", "health.view", order=80))
    register_command(
        Command("New flow", "flows:flow-create", "plus", "flows.edit", "create import template")
    )
    register_search(search_flows)
    register_search(search_runs)
    register_home_panel("flows/_home_flows.html", get_flows_panel, "flows.edit", order=20)
    register_home_panel("flows/_home_operator.html", get_operator_panel, "runs.operate", order=30)
    register_home_panel("flows/_home_runs.html", get_runs_panel, "runs.view", order=60)
    run_page = SubjectPage("Run", "flows:run-detail", "activity", "runs.view")
    flow_page = SubjectPage("Flow", "flows:flow-detail", "workflow", "flows.view")
    register_subject_pages("run", run_page)
    register_subject_pages("flow", flow_page)
    register_live_authoriser("runs", lambda user, rest: not rest and can(user, "runs.view"))
    register_live_authoriser("run", _may_see_run)
    register_live_authoriser("flow", lambda user, rest: can(user, "flows.view", flow=rest))
    register_live_authoriser("health", lambda user, rest: not rest and can(user, "health.view"))


def _may_see_run(user: Any, rest: str) -> bool:
    run_id = number_in(rest)
    found = Flow.objects.none() if run_id is None else Flow.objects.filter(runs=run_id)
    flow = found.values_list("name", flat=True).first()
    return flow is not None and can(user, "runs.view", flow=flow)


def search_flows(user: Any, text: str) -> list[Found]:
    if not can(user, "flows.view"):
        return []
    flows = Flow.objects.filter(within_reach(reach(user, "flows.view")), archived_at=None)
    named = flows.filter(having(text, "title", "name"))
    return [
        _make_result(flow.title, "flow-detail", flow.name, "Flow", "workflow", flow.name)
        for flow in named.only("name", "title").order_by("title")[:MOST_FOUND]
    ]


def search_runs(user: Any, text: str) -> list[Found]:
    """Return the run with an id, which may be written #12, or the runs with an idempotency key."""
    wanted = text.removeprefix("#").strip()
    if not wanted or not can(user, "runs.view"):
        return []
    runs = Run.objects.filter(within_reach(reach(user, "runs.view"), "flow__"))
    if run_id := parse_run_id(wanted):
        runs = runs.filter(pk=run_id)
    else:
        # The index on keys begins with the flow.
        runs = runs.filter(flow__in=Flow.objects.values("pk"), idempotency_key=wanted)
    return [
        _make_result(f"Run {run.pk}", "run-detail", run.pk, "Run", "activity", run.flow.title)
        for run in runs.select_related("flow").only("pk", "flow__title")[:MOST_FOUND]
    ]


def _make_result(label: str, page: str, key: Any, kind: str, icon: str, detail: str) -> Found:
    return Found(label, reverse(f"flows:{page}", args=[key]), kind, icon, detail)


def get_runs_panel(request: Any) -> dict[str, Any] | None:
    """Return the newest runs and the newest failed ones; None without runs."""
    within = reach(request.user, "runs.view")
    newest = list_runs(RunFilters(), within=within, page_size=HOME_RUNS)
    if not newest.rows:
        return None
    failed = list_runs(RunFilters(state=RunStatus.FAILED), within=within, page_size=3)
    return {
        "runs": newest.rows, "failed": failed.rows, "now": timezone.now(), "live": ["runs"],
    }  # fmt: skip


def get_flows_panel(request: Any) -> dict[str, Any] | None:
    """Return the flows that the person may edit, the last changed first; None without flows."""
    rows = list_flows(within=reach(request.user, "flows.edit"), now=timezone.now())
    if not rows:
        return None
    newest = sorted(rows, key=lambda row: row.flow.updated_at, reverse=True)[:HOME_FLOWS]
    return {"rows": newest, "live": [f"flow.{row.flow.name}" for row in newest]}


def get_operator_panel(request: Any) -> dict[str, Any]:
    """Return the problems of the machinery and the runs that failed last."""
    now = timezone.now()
    health = get_health(now)
    within = reach(request.user, "runs.operate")
    failed = list_runs(RunFilters(state=RunStatus.FAILED), within=within, page_size=HOME_FAILED)
    alive = sum(1 for worker in health.workers if worker.state == "alive")
    return {
        "problems": [*health.problems, *list_budget_problems(request.user, now)],
        "failed": failed.rows,
        "alive": alive,
        "live": ["health", "runs"],
    }
