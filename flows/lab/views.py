"""The threshold lab: a cutoff of the draft over the values of real runs."""

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
from flows.graph.operations import normal_form
from flows.graph.problems import DocumentError
from flows.lab.charts import FLOOR, HEIGHT, WIDTH, Chart, histogram
from flows.lab.estimate import bands_of, estimate
from flows.lab.evidence import Evidence, NoCutoff, read_evidence
from flows.lab.thresholds import Threshold, list_thresholds
from flows.models import Flow
from flows.selectors.run_filters import RunFilters
from flows.services import editing
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type
from flows.views.requests import flow_context, flow_or_404, positive_number, user_of
from workbench.accounts.gate import requires

Json = Any
USUAL_RUNS, MOST_RUNS = 500, 2_000
USUAL_MINUTES = 5.0
COUNTS = (200, 500, 1_000, 2_000)


@requires("runs.view", flow="name")
@require_GET
def threshold_lab(request: HttpRequest, name: str) -> HttpResponse:
    """``?threshold=<step>.<case>.<place>&at=<number>&runs=<count>&minutes=<each>``."""
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
    return render(request, "flows/lab/lab.html", context)


def _lab(
    request: HttpRequest, flow: Flow, document: dict[str, Json], chosen: Threshold
) -> dict[str, Any]:
    count = min(positive_number(request.GET.get("runs", "")) or USUAL_RUNS, MOST_RUNS)
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=count)
    try:
        evidence = read_evidence(document, chosen, run_ids)
    except (NoCutoff, DocumentError) as error:
        return {"count": count, "refusal": str(error)}
    measured = _measured_minutes(flow, document)
    minutes = _number(request.GET.get("minutes", ""), measured or USUAL_MINUTES)
    at = _number(request.GET.get("at", ""), chosen.at)
    outcomes = [name for name, _ in _people_said(evidence).most_common()]
    bands = bands_of(evidence.points)
    chart = histogram(bands, outcomes)
    return {
        "count": count,
        "evidence": evidence,
        "minutes": minutes,
        "measured": measured,
        "at": at,
        "now": estimate(evidence, chosen, chosen.at, minutes_each=minutes),
        "then": estimate(evidence, chosen, at, minutes_each=minutes),
        "bands": bands,
        "outcomes": outcomes,
        "chart": chart,
        "drawing": {"width": WIDTH, "height": HEIGHT, "floor": FLOOR},
        "line_now": chart.x_of(chosen.at) if chart else 0,
        "line_then": chart.x_of(at) if chart else 0,
        "step": _step_of(chart),
        "data": _data(evidence, chosen, minutes),
    }


def _people_said(evidence: Evidence) -> Counter[str]:
    return Counter(point.decided for point in evidence.points if point.decided)


def _step_of(chart: Chart | None) -> float:
    """Return how far a key moves the cutoff: about a thousandth of the span, a power of ten."""
    span = chart.high - chart.low if chart else 1.0
    return float(10.0 ** (len(str(int(span or 1))) - 4))


def _data(evidence: Evidence, chosen: Threshold, minutes: float) -> dict[str, Json]:
    """Return what static/flows/lab.js needs to make the sums of ``estimate`` while one drags."""
    return {
        "sign": chosen.sign,
        "people": sorted(evidence.people_ports),
        "usual": dict(evidence.usual),
        "minutes": minutes,
        "points": [[p.value, p.port_if, p.port_else, p.went, p.decided] for p in evidence.points],
    }


def _measured_minutes(flow: Flow, document: dict[str, Json]) -> float | None:
    """Ask the checkpoints' types how long a case has taken people."""
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


def _number(text: str, usual: float) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return usual
    return value if abs(value) < 1e12 else usual  # noqa: PLR2004 - keeps out inf and nan


@requires("flows.edit", flow="name")
@require_POST
def apply_cutoff(request: HttpRequest, name: str) -> HttpResponse:
    """Write the cutoff into the draft, as one operation that can be undone in the editor."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    wanted = request.POST.get("threshold", "")
    chosen = next((t for t in list_thresholds(document) if t.id == wanted), None)
    back = f"{reverse('flows:threshold-lab', args=[name])}?{urlencode({'threshold': wanted})}"
    if chosen is None or chosen.source != request.POST.get("source"):
        messages.error(request, "The draft was changed meanwhile. Look at the cutoff again.")
        return redirect(back)
    at = _number(request.POST.get("at", ""), chosen.at)
    operation = {
        "op": "set_field", "step": chosen.step, "path": f"/with/cases/{chosen.case}/when",
        "value": chosen.moved_to(at), "old": chosen.source,
    }  # fmt: skip
    outcomes = editing.apply_operations(
        flow_id=flow.pk,
        operations=[{"client_id": f"lab-{uuid4().hex}", "op": operation}],
        author=user_of(request),
        now=timezone.now(),
    )
    if outcomes[0].refusal is not None:
        messages.error(request, outcomes[0].refusal.message)
    else:
        messages.success(
            request, f"The cutoff in the draft is {at:.10g}. Backtest it, then publish."
        )
    return redirect(back)
