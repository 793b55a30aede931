"""The pages of one run, and the data of its canvas."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows import selectors
from flows.agents import talks
from flows.models import Run
from flows.runtime.payloads import reveal
from flows.selectors.canvas import get_canvas_data
from flows.selectors.journal import PAGE_SIZE
from flows.views.requests import positive_number, run_or_404
from flows.views.run_context import get_headline, get_run_context, get_timeline_context
from workbench.accounts.gate import requires
from workbench.accounts.permissions import reach


@requires("runs.view", scope="rows")
@require_GET
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the run's graph beside its timeline."""
    run = run_or_404(request, run_id)
    context = {
        **get_run_context(request, run),
        **get_timeline_context(request, run),
        **_get_agents_context(request, run),
        "tab": "timeline",
    }
    return render(request, "flows/run_detail.html", context)


@requires("runs.view", scope="rows")
@require_GET
def run_head(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the run's state, what it waits for or failed on, and what may be done."""
    run = run_or_404(request, run_id)
    timeline = selectors.list_step_runs(run)
    context = {
        **get_run_context(request, run),
        **get_headline(run, timeline),
        "timeline": timeline,
    }
    return render(request, "flows/_run_head.html", context)


@requires("runs.view", scope="rows")
@require_GET
def run_timeline(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(request, run_id)
    return render(
        request, "flows/_run_timeline.html", {"run": run, **get_timeline_context(request, run)}
    )


@requires("runs.view", scope="rows")
@require_GET
def run_conversation(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what was said in an agent's run, by turns."""
    run = run_or_404(request, run_id)
    if not talks.is_agent(run):
        raise Http404(f"Run {run_id} is not an agent's.")
    context = {"run": run, **_get_talk_context(request, run)}
    return render(request, "agents/_conversation.html", context)


def _get_agents_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return the run's own conversation, or the agents that it has called."""
    if talks.is_agent(run):
        return _get_talk_context(request, run)
    return {"agents": talks.list_agents_of(run)}


def _get_talk_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {"talk": talks.get_talk(run), "sees_queues": reach(request.user, "cases.view")}


@requires("runs.view", scope="rows")
@require_GET
def step_run(request: HttpRequest, run_id: int, key: str) -> HttpResponse:
    """Show a step run: input and output, attempts, where its output came from."""
    run = run_or_404(request, run_id)
    token, _, activation = key.partition(".")
    try:
        detail = selectors.get_step_run(run, int(token), int(activation))
    except (LookupError, ValueError):
        raise Http404(f"Run {run_id} has no step run {key}.") from None
    context = {**get_run_context(request, run), "detail": detail, "now": timezone.now()}
    return render(request, "flows/_step_run.html", context)


@requires("runs.view", scope="rows")
@require_GET
def run_journal(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the journal, oldest first, by page; the last page of a live run refreshes itself."""
    run = run_or_404(request, run_id)
    context = {**get_run_context(request, run), **_journal_context(request, run), "tab": "journal"}
    context |= get_headline(run, selectors.list_step_runs(run))
    return render(request, "flows/run_journal.html", context)


@requires("runs.view", scope="rows")
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


@requires("runs.view", scope="rows")
@require_GET
def run_data(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show input, output and artifacts."""
    run = run_or_404(request, run_id)
    context = {
        **get_run_context(request, run),
        **get_headline(run, selectors.list_step_runs(run)),
        "input": reveal(run.input),
        "artifacts": selectors.list_run_artifacts(run),
        "tab": "data",
    }
    return render(request, "flows/run_data.html", context)


@requires("runs.view", scope="rows")
@require_GET
def run_compare(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what differs from the last run that completed."""
    run = run_or_404(request, run_id)
    timeline = selectors.list_step_runs(run)
    context = {
        **get_run_context(request, run),
        **get_headline(run, timeline),
        "comparison": selectors.compare_with_last_success(run, timeline),
        "tab": "compare",
    }
    return render(request, "flows/run_compare.html", context)


# --- Data for the canvas ----------------------------------------------------------


@requires("runs.view", scope="rows")
@require_GET
def run_canvas(request: HttpRequest, run_id: int) -> JsonResponse:
    """Return the graph of the run's version, as the canvas loads it."""
    run = run_or_404(request, run_id)
    data = get_canvas_data(run.version.document)
    return JsonResponse({**data, "statuses": selectors.get_run_status(run, timezone.now())})


@requires("runs.view", scope="rows")
@require_GET
def run_status(request: HttpRequest, run_id: int) -> JsonResponse:
    """Return ``{seq, status, steps: {id: {state, since, visits, ms}}, …}``."""
    run = run_or_404(request, run_id)
    response = JsonResponse(selectors.get_run_status(run, timezone.now()))
    response["Cache-Control"] = "no-store"
    return response
