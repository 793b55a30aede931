"""Backtests of a flow: start one, watch its progress, read what changes."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.backtest import services
from flows.backtest.models import Backtest, BacktestState, RunKind
from flows.backtest.selectors import (
    RowFilter,
    build_verdict_table,
    choose_runs,
    count_answers,
    count_compared,
    get_marks,
    get_statuses,
    list_backtests,
    list_figures,
    list_rows,
)
from flows.graph.operations import normal_form
from flows.models import Flow, RunStatus
from flows.selectors.canvas import get_canvas_data
from flows.selectors.run_filters import WAITING, RunFilters
from flows.services.errors import FlowInvalid
from flows.views.requests import (
    flow_context,
    flow_or_404,
    positive_number,
    read_run_filters,
    user_of,
)
from workbench.accounts.actors import Actor
from workbench.accounts.gate import requires
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused

USUAL_RUNS = 500
COUNTS = (100, 500, 1_000, 2_000)
STATES = (WAITING, RunStatus.COMPLETED, RunStatus.FAILED)
SHOWN_EARLIER = 50
DIFFERING = (RunKind.FLIPPED, RunKind.REROUTED, RunKind.CHANGED)
KINDS = {
    "differs": "All that differ",
    RunKind.FLIPPED: "Decision flips",
    RunKind.REROUTED: "With or without people",
    RunKind.CHANGED: "Other path or values",
    RunKind.UNANSWERED: "Answers missing",
    "noisy": "Noise",
    "all": "All runs",
}


# --- List and start ---------------------------------------------------------------


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_list(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form for a new one, and the earlier ones."""
    return _list_page(request, flow_or_404(name))


@requires("flows.edit", scope="flow:name")
@require_POST
def backtest_start(request: HttpRequest, name: str) -> HttpResponse:
    flow = flow_or_404(name)
    try:
        choice, document = _read_choice(request, flow)
        started = services.start_backtest(
            flow=flow, choice=choice, author=user_of(request), now=timezone.now(), document=document
        )
    except ValueRefused as error:
        return _list_page(request, flow, 422, refusal=str(error))
    except FlowInvalid:
        refusal = "The draft cannot be played yet. The editor lists its problems."
        return _list_page(request, flow, 422, refusal=refusal)
    except services.NoRuns as error:
        return _list_page(request, flow, 422, refusal=f"{error} {error.remedy}")
    return redirect("flows:backtest-detail", flow.name, started.pk)


def _read_choice(request: HttpRequest, flow: Flow) -> tuple[services.Choice, Any]:
    """Return what a form chooses, and the document if it is not the draft. Raises: ValueRefused."""
    posted = request.POST
    calls, cost = positive_number(posted.get("calls", "")) or 0, _read_cost(posted.get("cost", ""))
    if earlier := positive_number(posted.get("again", "")):
        _, found = _find_backtest(flow.name, earlier)
        return services.choose_again(found, calls=calls, cost=cost), found.document
    filters = read_run_filters(posted)
    if filters.unread:
        raise ValueRefused(" ".join(filters.unread), "")
    count = min(positive_number(posted.get("count", "")) or USUAL_RUNS, services.MOST_RUNS)
    run_ids = choose_runs(flow, _narrow_to(filters, flow), most=count)
    again = posted.get("models") == "again"
    return services.Choice(run_ids, _describe(filters, count), again, calls, cost), None


def _read_cost(text: str) -> float:
    """Return the highest cost, 0 if there is none. Raises: ValueRefused."""
    cost = float(read_number(text)) if text.strip() else 0.0
    if cost < 0:
        raise ValueRefused("The highest cost is below 0.", "Leave it empty for no limit.")
    return cost


def _list_page(
    request: HttpRequest, flow: Flow, status: int = 200, *, refusal: str = ""
) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    context = {
        **flow_context(request, flow, "backtests"),
        "backtests": list_backtests(flow)[:SHOWN_EARLIER],
        "counts": COUNTS,
        "count": positive_number(given.get("count", "")) or USUAL_RUNS,
        "states": STATES,
        "filters": read_run_filters(given),
        "refusal": refusal,
    }
    return render(request, "flows/backtest/list.html", context, status=status)


def _narrow_to(filters: RunFilters, flow: Flow) -> RunFilters:
    return RunFilters(
        flow=flow.name,
        version=filters.version,
        state=filters.state if filters.state in STATES else "",
        outcome=filters.outcome,
        started_from=filters.started_from,
        started_to=filters.started_to,
        text=filters.text,
    )


def _describe(filters: RunFilters, count: int) -> str:
    parts = [f"the last {count:,} runs"]
    if filters.version:
        parts.append(f"of version {filters.version}")
    if filters.state in STATES:
        parts.append(filters.state)
    if filters.outcome:
        parts.append(f"with outcome {filters.outcome}")
    if filters.started_from:
        parts.append(f"from {filters.started_from:%d %b %Y %H:%M}")
    if filters.started_to:
        parts.append(f"to {filters.started_to:%d %b %Y %H:%M}")
    if filters.text:
        parts.append(f"with “{filters.text}”")
    return ", ".join(parts)


# --- One --------------------------------------------------------------------------


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_detail(request: HttpRequest, name: str, backtest_id: int) -> HttpResponse:
    flow, backtest = _find_backtest(name, backtest_id)
    context = {
        **flow_context(request, flow, "backtests"),
        "here": f"Backtest {backtest.pk}",
        **_get_head(backtest),
        **_get_rows(request, backtest),
    }
    return render(request, "flows/backtest/detail.html", context)


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_head(request: HttpRequest, name: str, backtest_id: int) -> HttpResponse:
    """Show progress and figures alone, which the page fetches after a nudge."""
    flow, backtest = _find_backtest(name, backtest_id)
    context = {**flow_context(request, flow, "backtests"), **_get_head(backtest)}
    return render(request, "flows/backtest/_head.html", context)


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_rows(request: HttpRequest, name: str, backtest_id: int) -> HttpResponse:
    flow, backtest = _find_backtest(name, backtest_id)
    context = {"flow": flow, "backtest": backtest, **_get_rows(request, backtest)}
    return render(request, "flows/backtest/_rows.html", context)


@requires("flows.edit", scope="flow:name")
@require_POST
def backtest_cancel(request: HttpRequest, name: str, backtest_id: int) -> HttpResponse:
    _, backtest = _find_backtest(name, backtest_id)
    try:
        actor = Actor.user(user_of(request))
        services.cancel_backtest(backtest_id=backtest.pk, actor=actor, now=timezone.now())
    except services.BacktestEnded as error:
        messages.info(request, f"{error} {error.remedy}")
    return redirect("flows:backtest-detail", name, backtest_id)


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_canvas(request: HttpRequest, name: str, backtest_id: int) -> JsonResponse:
    """Return the draft that was played, with what it changes and how many runs take which edge."""
    _, backtest = _find_backtest(name, backtest_id)
    data = get_canvas_data(normal_form(backtest.document))
    marks, statuses = get_marks(backtest), get_statuses(backtest)
    return JsonResponse({**data, "marks": marks, "statuses": statuses})


@requires("runs.view", scope="flow:name")
@require_GET
def backtest_status(request: HttpRequest, name: str, backtest_id: int) -> JsonResponse:
    _, backtest = _find_backtest(name, backtest_id)
    return JsonResponse(get_statuses(backtest))


def _find_backtest(name: str, backtest_id: int) -> tuple[Flow, Backtest]:
    flow = flow_or_404(name)
    found = Backtest.objects.filter(flow=flow, pk=backtest_id)
    backtest = found.select_related("baseline", "created_by").first()
    if backtest is None:
        raise Http404(f"Flow {name} has no backtest {backtest_id}.")
    return flow, backtest


def _get_head(backtest: Backtest) -> dict[str, Any]:
    summary = backtest.summary
    runs, flipped = summary["runs"], summary["kinds"][RunKind.FLIPPED.value]
    compared = count_compared(backtest)
    ended = backtest.finished_at or timezone.now()
    return {
        "backtest": backtest,
        "is_running": backtest.state == BacktestState.RUNNING,
        "summary": summary,
        "flipped": flipped,
        "flipped_percent": 100 * flipped / compared if compared else 0,
        "compared": compared,
        "unanswered": runs - compared,
        "answers": count_answers(backtest),
        "rerouted": summary["kinds"][RunKind.REROUTED.value],
        "figures": list_figures(backtest),
        "table": build_verdict_table(backtest),
        "first": sorted(summary["first"].items(), key=lambda each: -each[1]),
        "assumed": sorted(summary["assumed"].items(), key=lambda each: -each[1]),
        "took": (ended - backtest.created_at).total_seconds(),
        "titles": {k: v.get("title") or k for k, v in backtest.document["steps"].items()},
    }


def _get_rows(request: HttpRequest, backtest: Backtest) -> dict[str, Any]:
    only = request.GET.get("only", "differs")
    only = only if only in KINDS else "differs"
    wanted = RowFilter(
        "" if only == "all" else only, request.GET.get("was", ""), request.GET.get("is", "")
    )
    beyond = positive_number(request.GET.get("after", "")) or 0
    rows, more = list_rows(backtest, wanted, beyond=beyond)
    kept = {key: str(value) for key, value in request.GET.items() if key != "after" and value}
    return {
        "rows": rows,
        "kinds": [_build_kind_link(backtest, key, label, only) for key, label in KINDS.items()],
        "wanted": wanted,
        "query": request.GET.urlencode(),
        "next": "?" + urlencode({**kept, "after": rows[-1].run_id}) if more else "",
        "first_page": "?" + urlencode(kept) if beyond else "",
    }


def _build_kind_link(backtest: Backtest, key: str, label: str, only: str) -> dict[str, Any]:
    kinds = backtest.summary["kinds"]
    counts = {
        "differs": sum(kinds.get(kind.value, 0) for kind in DIFFERING),
        "noisy": backtest.summary["noisy"],
        "all": backtest.summary["runs"],
    }
    count = counts.get(key, kinds.get(str(key), 0))
    return {"label": label, "link": f"?only={key}", "count": count, "current": key == only}
