"""A flow's own tests, and its cutoffs on real runs, over HTTP."""

from math import isfinite
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from flows.api.finding import find_flow
from flows.backtest.selectors import choose_runs
from flows.graph.codec import parse
from flows.graph.operations import normal_form
from flows.lab.estimate import estimate, make_bands
from flows.lab.evidence import NoCutoff, read_evidence
from flows.lab.thresholds import Threshold, list_thresholds
from flows.runtime.flow_tests import coverage, run_flow_tests
from flows.selectors.run_filters import RunFilters
from workbench.accounts.gate import requires
from workbench.http.gateway import may_answer
from workbench.http.problems import ApiProblem, map_error
from workbench.http.schemas import Page, whole_page

Json = Any
router = Router(tags=["flows"])
MOST_RUNS = 2_000

map_error(NoCutoff, status=409, code="no-cutoff", remedy="Correct the branch's conditions.")


class FlowTestOut(Schema):
    name: str
    passed: bool
    problems: list[str] = Field(description="What differs, in words.")
    path: list[str]


class FlowTestsOut(Schema):
    passed: bool
    tests: list[FlowTestOut]
    missed_steps: list[str]
    missed_edges: list[str]


class ThresholdOut(Schema):
    id: str
    step: str
    port: str = Field(description="Where a run goes that meets the condition.")
    compares: str
    sign: str
    at: float


class EstimateBandOut(Schema):
    start: float
    end: float
    count: int
    decided: dict[str, int] = Field(description="What people decided, by outcome.")


class EstimateOut(Schema):
    at: float
    runs: int
    ports: dict[str, int]
    people: int = Field(description="Runs that would go to people.")
    minutes: float
    newly: int = Field(description="Runs that people saw and that the machine would decide.")
    judged: int = Field(description="Those of them that a person decided.")
    wrong: int
    errors: float = Field(description="Expected errors among `newly`.")
    low: float = Field(description="Their interval at 95 % (Wilson).")
    high: float
    bands: list[EstimateBandOut]


@router.post("/flows/{name}/tests", response=FlowTestsOut, operation_id="run_flow_tests")
@requires("flows.edit", scope="flow:name")
def run_tests(request: HttpRequest, name: str) -> dict[str, Any]:
    """Play the draft's own tests; nothing is sent and nothing is stored."""
    document = parse(normal_form(find_flow(name).draft))
    results = run_flow_tests(document, now=timezone.now())
    covered = coverage(document, results)
    return {
        "passed": all(each.passed for each in results),
        "tests": [
            {
                "name": each.name,
                "passed": each.passed,
                "problems": list(each.problems),
                "path": each.rehearsal.steps,
            }
            for each in results
        ],
        "missed_steps": list(covered.missed_steps),
        "missed_edges": list(covered.missed_edges),
    }


@router.get("/flows/{name}/thresholds", response=Page[ThresholdOut], operation_id="list_thresholds")
@may_answer(409)
@requires("flows.view", scope="flow:name")
def thresholds(request: HttpRequest, name: str) -> dict[str, Any]:
    """List the draft's cutoffs: comparisons with a number in the conditions of its branches."""
    draft = normal_form(find_flow(name).draft)
    return whole_page(_threshold_out(each) for each in list_thresholds(draft))


@router.get(
    "/flows/{name}/thresholds/{threshold_id}",
    response=EstimateOut,
    operation_id="estimate_threshold",
)
@may_answer(409)
@requires("runs.view", scope="flow:name")
def estimate_threshold(
    request: HttpRequest,
    name: str,
    threshold_id: str,
    at: float | None = None,
    runs: int = 500,
    minutes: float = 5,
) -> dict[str, Any]:
    """Estimate volume, people's time and errors that a cutoff would mean for the last runs."""
    if not 1 <= runs <= MOST_RUNS:
        remedy = f"Ask for 1 to {MOST_RUNS}."
        raise ApiProblem(422, "runs-out-of-range", f"runs is {runs}.", remedy)
    if not (isfinite(minutes) and (at is None or isfinite(at))):
        raise ApiProblem(422, "not-finite", "That is no number.", "Send finite numbers.")
    flow = find_flow(name)
    document = normal_form(flow.draft)
    chosen = next((t for t in list_thresholds(document) if t.id == threshold_id), None)
    if chosen is None:
        raise Http404(f"The draft of {name} has no cutoff {threshold_id}.")
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=runs)
    evidence = read_evidence(document, chosen, run_ids)
    found = estimate(evidence, chosen, chosen.at if at is None else at, minutes_each=minutes)
    shown = {key: getattr(found, key) for key in EstimateOut.model_fields if hasattr(found, key)}
    bands = [
        {"start": b.start, "end": b.end, "count": b.count, "decided": b.decided}
        for b in make_bands(evidence.points)
    ]
    return {**shown, "runs": len(evidence.points), "bands": bands}


def _threshold_out(threshold: Threshold) -> dict[str, Any]:
    return {
        "id": threshold.id,
        "step": threshold.step,
        "port": threshold.port,
        "compares": threshold.what,
        "sign": threshold.sign,
        "at": threshold.at,
    }
