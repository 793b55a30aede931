"""The threshold lab: a cutoff of the draft and the values of real runs."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.backtest.selectors import choose_runs
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.lab.charts import FLOOR, HEIGHT, WIDTH, Chart, draw_histogram
from flows.lab.estimate import estimate, make_bands
from flows.lab.evidence import Evidence, NoCutoff, read_evidence
from flows.lab.thresholds import Threshold, list_thresholds
from flows.models import Flow
from flows.selectors.run_filters import RunFilters
from flows.services import editing
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type
from flows.views.requests import flow_context, flow_or_404, positive_number, user_of
from workbench.accounts.gate import requires
from workbench.http.rates import limit_previews
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused

Json = Any
USUAL_RUNS, MOST_RUNS = 500, 2_000
USUAL_MINUTES = 5.0
COUNTS = (200, 500, 1_000, 2_000)


@requires("runs.view", scope="flow:name")
@require_GET
@limit_previews
def threshold_lab(request: HttpRequest, name: str) -> HttpResponse:
    """Show a cutoff: ``?threshold=<id>&at=<number>&runs=<count>&minutes=<each>``."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    thresholds = list_thresholds(document)
    chosen = next(
        (t for t in thresholds if t.id == request.GET.get("threshold")),
        thresholds[0] if thresholds else None,
    )
    context = {
        **flow_context(request, flow, "lab"),
        "thresholds": thresholds,
        "chosen": chosen,
        "counts": COUNTS,
    }
    if chosen is not None:
        context |= _lab(request, flow, document, chosen)
    status = 422 if "typed_minutes" in context else 200
    return render(request, "flows/lab/lab.html", context, status=status)


def _lab(
    request: HttpRequest, flow: Flow, document: dict[str, Json], chosen: Threshold
) -> dict[str, Any]:
    count = min(positive_number(request.GET.get("runs", "")) or USUAL_RUNS, MOST_RUNS)
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=count)
    try:
        evidence = read_evidence(document, chosen, run_ids)
    except (NoCutoff, DocumentError) as error:
        return {"count": count, "refusal": str(error)}
    measured = _get_measured_minutes(flow, document)
    try:
        minutes = _read_number(request.GET.get("minutes", ""), measured or USUAL_MINUTES)
        at = _read_number(request.GET.get("at", ""), chosen.at)
    except ValueRefused as error:
        return {
            "count": count,
            "refusal": str(error),
            "typed_minutes": request.GET.get("minutes", ""),
            "typed_at": request.GET.get("at", ""),
        }
    return {
        "count": count,
        "evidence": evidence,
        "minutes": minutes,
        "measured": measured,
        "at": at,
        "now": estimate(evidence, chosen, chosen.at, minutes_each=minutes),
        "then": estimate(evidence, chosen, at, minutes_each=minutes),
        "data": _get_script_data(evidence, chosen, minutes),
        **_draw(evidence, chosen.at, at),
    }


def _draw(evidence: Evidence, now: float, then: float) -> dict[str, Any]:
    """Return the histogram with the lines of the present cutoff and of the one tried."""
    outcomes = [name for name, _ in _count_decisions(evidence).most_common()]
    bands = make_bands(evidence.points)
    chart = draw_histogram(bands, outcomes)
    return {
        "bands": bands,
        "outcomes": outcomes,
        "chart": chart,
        "drawing": {"width": WIDTH, "height": HEIGHT, "floor": FLOOR},
        "line_now": chart.x_of(now) if chart else 0,
        "line_then": chart.x_of(then) if chart else 0,
        "step": _get_key_step(chart),
    }


def _count_decisions(evidence: Evidence) -> Counter[str]:
    return Counter(point.decided for point in evidence.points if point.decided)


def _get_key_step(chart: Chart | None) -> float:
    """Return how far an arrow key moves the cutoff: a power of ten, near a 1000th of the span."""
    span = chart.high - chart.low if chart else 1.0
    return float(10.0 ** (len(str(int(span or 1))) - 4))


def _get_script_data(evidence: Evidence, chosen: Threshold, minutes: float) -> dict[str, Json]:
    """Return what static/flows/lab.js needs to compute ``estimate`` while the cutoff is dragged."""
    return {
        "sign": chosen.sign,
        "people": sorted(evidence.people_ports),
        "usual": dict(evidence.usual),
        "minutes": minutes,
        "points": [[p.value, p.port_if, p.port_else, p.went, p.decided] for p in evidence.points],
    }


def _get_measured_minutes(flow: Flow, document: dict[str, Json]) -> float | None:
    """Return how many minutes a case takes people, as the checkpoints' step types know it."""
    found = []
    for name, step in document["steps"].items():
        try:
            type_ = get_step_type(step["type"])
        except UnknownStepType:
            continue
        if isinstance(type_, WaitingStep) and type_.asks_people:
            found.append(type_.minutes_each(flow.name, name))
    known = [minutes for minutes in found if minutes is not None]
    return max(known) if known else None


def _read_number(text: str, usual: float) -> float:
    """Return the number typed, the usual one if none was. Raises: ValueRefused."""
    return float(read_number(text)) if text.strip() else usual


@requires("flows.edit", scope="flow:name")
@require_POST
def apply_cutoff(request: HttpRequest, name: str) -> HttpResponse:
    """Write the cutoff into the draft, as one operation that can be undone in the editor."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    wanted = request.POST.get("threshold", "")
    chosen = next((t for t in list_thresholds(document) if t.id == wanted), None)
    page = reverse("flows:threshold-lab", args=[name])
    back = f"{page}?{urlencode({'threshold': wanted})}"
    if chosen is None or chosen.source != request.POST.get("source"):
        messages.error(request, "The draft was changed in the meantime. Look at the cutoff again.")
        return redirect(back)
    try:
        at = _read_number(request.POST.get("at", ""), chosen.at)
    except ValueRefused as error:
        messages.error(request, f"Cutoff: {error} The draft is as it was.")
        return redirect(f"{back}&{urlencode({'at': request.POST['at']})}")
    refusal = _apply(request, flow, chosen, at)
    if refusal is not None:
        messages.error(request, refusal.message)
    else:
        messages.success(
            request, f"The cutoff in the draft is {at:.10g}. Backtest it, then publish."
        )
    return redirect(back)


def _apply(
    request: HttpRequest, flow: Flow, chosen: Threshold, at: float
) -> OperationRefused | None:
    operation = {
        "op": "set_field", "step": chosen.step, "path": f"/with/cases/{chosen.case}/when",
        "value": chosen.with_cutoff(at), "old": chosen.source,
    }  # fmt: skip
    [outcome] = editing.apply_operations(
        flow_id=flow.pk,
        operations=[{"client_id": f"lab-{uuid4().hex}", "op": operation}],
        author=user_of(request),
        now=timezone.now(),
    )
    return outcome.refusal
