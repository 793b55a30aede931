"""Runs: the list, the page of one, and what may be done to it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows import selectors, services
from flows.engine.errors import RunNotActive
from flows.engine.lanes import Lane, lane_of
from flows.models import Flow, Run, RunStatus
from flows.selectors.canvas import get_canvas_data
from flows.selectors.flows import within_reach
from flows.selectors.journal import PAGE_SIZE
from flows.selectors.run_counts import COUNT_CAP
from flows.selectors.run_filters import WAITING, RunFilters
from flows.selectors.timeline import StepRun
from flows.views.requests import (
    actor_of,
    positive_number,
    run_filters,
    run_or_404,
    runs_within,
)
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

STATES = [RunStatus.RUNNING, WAITING, *(s for s in RunStatus.values if s != RunStatus.RUNNING)]
ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})

# --- The list ---------------------------------------------------------------------


@requires("runs.view")
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """The runs, narrowed by the address. The newest page keeps itself fresh."""
    within = runs_within(request)
    flows = Flow.objects.filter(within_reach(within)).order_by("title").only("name", "title")
    return render(request, "flows/run_list.html", {**_list_context(request), "flows": flows})


@requires("runs.view")
@require_GET
def run_rows(request: HttpRequest) -> HttpResponse:
    """The rows and counts of the list, for the page to fetch after a nudge."""
    return render(request, "flows/_run_rows.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    filters, within = run_filters(request), runs_within(request)
    before = positive_number(request.GET.get("before", ""))
    page = selectors.list_runs(filters, within=within, before=before)
    counts = selectors.count_runs(filters, within=within)
    kept = {key: str(value) for key, value in request.GET.items() if value and key != "before"}
    older = urlencode({**kept, "before": page.next_before}) if page.next_before else ""
    return {
        "page": page,
        "filters": filters,
        "is_filtered": filters != RunFilters(),
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


# --- One run ----------------------------------------------------------------------


@requires("runs.view")
@require_GET
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """The run's graph beside its timeline."""
    run = run_or_404(request, run_id)
    context = {**_run_context(request, run), **_timeline_context(request, run), "tab": "timeline"}
    return render(request, "flows/run_detail.html", context)


@requires("runs.view")
@require_GET
def run_head(request: HttpRequest, run_id: int) -> HttpResponse:
    """What the run is at now: its state, what it waits for or failed on, what may be done."""
    run = run_or_404(request, run_id)
    context = {**_run_context(request, run), "timeline": selectors.list_step_runs(run)}
    return render(
        request, "flows/_run_head.html", {**context, **_headline(run, context["timeline"])}
    )


@requires("runs.view")
@require_GET
def run_timeline(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(request, run_id)
    return render(
        request, "flows/_run_timeline.html", {"run": run, **_timeline_context(request, run)}
    )


def _run_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    may_operate = can(request.user, "runs.operate", flow=run.flow.name)
    now = timezone.now()
    return {
        "run": run,
        "seconds": ((run.finished_at or now) - run.started_at).total_seconds(),
        "has_ended": run.status in ENDED,
        "may_cancel": may_operate
        and run.status != RunStatus.COMPLETED
        and run.status not in {RunStatus.CANCELLED},
        "may_pause": may_operate and run.status == RunStatus.RUNNING,
        "may_resume": may_operate and run.status == RunStatus.PAUSED,
        "may_retry": may_operate and run.status == RunStatus.FAILED,
        "may_rerun": can(request.user, "runs.start", flow=run.flow.name),
        "may_move": may_operate and not run.finished_at,
        "caller": selectors.get_caller(run),
        "lane": lane_of(run.priority),
        "lanes": list(Lane),
    }


def _timeline_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    timeline = selectors.list_step_runs(run)
    now = timezone.now()
    chosen = request.GET.get("step", "")
    span = max(((run.finished_at or now) - run.started_at).total_seconds(), 0.001)
    rows = [_bar(run, each, span, now, chosen) for each in timeline]
    detail = next((row for row in rows if row["is_open"]), None)
    return {
        "timeline": timeline,
        "rows": rows,
        "open_detail": _detail(run, detail["step_run"]) if detail else None,
        **_headline(run, timeline),
    }


def _bar(run: Run, each: StepRun, span: float, now: Any, chosen: str) -> dict[str, Any]:
    """A step run with its bar, in thousandths of the run's time."""
    seconds = each.seconds(now)
    began = max(0.0, (each.began_at - run.started_at).total_seconds())
    left = min(996, round(began / span * 1000))
    return {
        "step_run": each,
        "key": each.key,
        "seconds": seconds,
        "left": left,
        "width": max(4, min(1000 - left, round(seconds / span * 1000))),
        "is_open": chosen == each.key,
    }


def _headline(run: Run, timeline: list[StepRun]) -> dict[str, Any]:
    """The first failure, what followed from it, and what the run waits for."""
    failures = [each for each in timeline if each.failed_unhandled]
    cause = (run.error or {}).get("step")
    first = next(
        (each for each in failures if each.step == cause), failures[0] if failures else None
    )
    followed = [
        each for each in timeline
        if each is not first and first and each.last_seq > first.last_seq
        and (each.failed_unhandled or each.state == "cancelled")
    ]  # fmt: skip
    return {
        "first_failure": first if run.status in {RunStatus.FAILED, RunStatus.RUNNING} else None,
        "followed": followed,
        "error": run.error if run.status == RunStatus.FAILED else (first.error if first else None),
        "waits": [each for each in timeline if each.wait is not None],
        "focus": _focus(first, timeline),
        "retries": [each for each in timeline if each.state == "retrying" and each.due_at],
    }


def _focus(first: StepRun | None, timeline: list[StepRun]) -> str:
    """Return the step at which the graph opens: the first failure, else what is under way."""
    live = [each for each in timeline if each.ended_at is None]
    return first.step if first else (live[0].step if live else "")


@requires("runs.view")
@require_GET
def step_run(request: HttpRequest, run_id: int, key: str) -> HttpResponse:
    """One step run: what it got and gave, its attempts, where its output came from."""
    run = run_or_404(request, run_id)
    token, _, activation = key.partition(".")
    try:
        detail = selectors.get_step_run(run, int(token), int(activation))
    except (LookupError, ValueError):
        raise Http404(f"Run {run_id} has no step run {key}.") from None
    context = {**_run_context(request, run), "detail": detail, "now": timezone.now()}
    return render(request, "flows/_step_run.html", context)


def _detail(run: Run, each: StepRun) -> Any:
    return selectors.get_step_run(run, each.token_id, each.activation)


@requires("runs.view")
@require_GET
def run_journal(request: HttpRequest, run_id: int) -> HttpResponse:
    """The journal, oldest first, a page at a time; a live run's last page keeps itself fresh."""
    run = run_or_404(request, run_id)
    context = {**_run_context(request, run), **_journal_context(request, run), "tab": "journal"}
    return render(request, "flows/run_journal.html", {**context, **_quick_headline(run)})


@requires("runs.view")
@require_GET
def journal_rows(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(request, run_id)
    return render(
        request, "flows/_journal_rows.html", {"run": run, **_journal_context(request, run)}
    )


def _journal_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    after = positive_number(request.GET.get("after", "")) or 0
    rows = selectors.get_journal(run.pk, after=after)
    return {
        "journal": rows,
        "after": after,
        "more": len(rows) == PAGE_SIZE and rows[-1].seq < run.seq,
    }


def _quick_headline(run: Run) -> dict[str, Any]:
    return _headline(run, selectors.list_step_runs(run))


@requires("runs.view")
@require_GET
def run_data(request: HttpRequest, run_id: int) -> HttpResponse:
    """Input, output and artifacts."""
    run = run_or_404(request, run_id)
    context = {
        **_run_context(request, run),
        **_quick_headline(run),
        "artifacts": selectors.list_run_artifacts(run),
        "tab": "data",
    }
    return render(request, "flows/run_data.html", context)


@requires("runs.view")
@require_GET
def run_compare(request: HttpRequest, run_id: int) -> HttpResponse:
    """What is different from the last run that went well."""
    run = run_or_404(request, run_id)
    timeline = selectors.list_step_runs(run)
    context = {
        **_run_context(request, run),
        **_headline(run, timeline),
        "comparison": selectors.compare_with_last_success(run, timeline),
        "tab": "compare",
    }
    return render(request, "flows/run_compare.html", context)


# --- Data for the canvas ----------------------------------------------------------


@requires("runs.view")
@require_GET
def run_canvas(request: HttpRequest, run_id: int) -> JsonResponse:
    """The graph of the run's version, as the canvas loads it."""
    run = run_or_404(request, run_id)
    data = get_canvas_data(run.version.document)
    return JsonResponse({**data, "statuses": selectors.get_run_status(run, timezone.now())})


@requires("runs.view")
@require_GET
def run_status(request: HttpRequest, run_id: int) -> JsonResponse:
    """``{seq, status, steps: {id: {state, since, visits, ms}}}``."""
    run = run_or_404(request, run_id)
    response = JsonResponse(selectors.get_run_status(run, timezone.now()))
    response["Cache-Control"] = "no-store"
    return response


# --- Acts -------------------------------------------------------------------------


@requires("runs.operate")
@require_POST
def run_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run_to(request, run_id, "runs.operate")
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        services.cancel_run(
            run_id=run.pk, reason=reason, actor=actor_of(request), now=timezone.now()
        )
    except RunNotActive as error:
        return _stale(request, run, str(error))
    messages.success(
        request, f"Run {run.pk} is cancelled. Run again starts it anew with the same input."
    )
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate")
@require_POST
def run_retry(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run_to(request, run_id, "runs.operate")
    try:
        services.retry_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    except services.RunNotFailed as error:
        return _stale(request, run, f"{error} {error.remedy}")
    messages.success(request, f"Run {run.pk} goes on from where it failed.")
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate")
@require_POST
def run_pause(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run_to(request, run_id, "runs.operate")
    act = services.resume_run if request.POST.get("resume") else services.pause_run
    try:
        act(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    except RunNotActive as error:
        return _stale(request, run, str(error))
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate")
@require_POST
def run_migrate(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run_to(request, run_id, "runs.operate")
    number = positive_number(request.POST.get("version", "")) or 0
    version = run.flow.versions.filter(number=number).only("pk", "number").first()
    if version is None:
        return _stale(request, run, f"Flow {run.flow.title} has no such version.", status=422)
    try:
        services.migrate_run(
            run_id=run.pk, version_id=version.pk, actor=actor_of(request), now=timezone.now()
        )
    except services.ServiceError as error:
        return _stale(request, run, f"{error} {error.remedy}")
    messages.success(request, f"Run {run.pk} goes on with version {version.number}.")
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate")
@require_POST
def run_lane(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _run_to(request, run_id, "runs.operate")
    lane = request.POST.get("lane", "")
    if lane not in set(Lane):
        return _stale(request, run, f"There is no lane {lane!r}.", status=422)
    try:
        services.move_to_lane(
            run_id=run.pk, lane=Lane(lane), actor=actor_of(request), now=timezone.now()
        )
    except RunNotActive as error:
        return _stale(request, run, str(error))
    return redirect("flows:run-detail", run.pk)


def _run_to(request: HttpRequest, run_id: int, permission: str) -> Run:
    """Return the run if the person may do this to it; the gate has seen that they may somewhere."""
    run = run_or_404(request, run_id)
    if not can(request.user, permission, flow=run.flow.name):
        from django.core.exceptions import PermissionDenied

        raise PermissionDenied(f"This needs the permission {permission} for {run.flow.name}.")
    return run


def _stale(request: HttpRequest, run: Run, message: str, status: int = 409) -> HttpResponse:
    """The page as it is now, with what came in between."""
    run = selectors.get_run(run.pk)
    context = {**_run_context(request, run), **_timeline_context(request, run), "tab": "timeline"}
    return render(request, "flows/run_detail.html", {**context, "refusal": message}, status=status)
