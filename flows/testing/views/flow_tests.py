"""The flow's own tests, and what they and real runs cover."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.graph.codec import parse
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.runtime.flow_tests import FlowTestResult, coverage, run_flow_tests
from flows.testing.coverage import get_test_statuses, get_traffic_statuses, read_traffic
from flows.testing.views.drafts import set_flow_field
from flows.views.requests import flow_or_404
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.http.rates import limit_previews

Json = Any


@requires("flows.view", scope="flow:name")
@require_GET
def flow_tests(request: HttpRequest, name: str) -> HttpResponse:
    """Show the tests, before they are run."""
    flow = flow_or_404(name)
    return _tests_page(request, flow, normal_form(flow.draft), None)


@requires("flows.edit", scope="flow:name")
@require_POST
@limit_previews
def play_flow_tests(request: HttpRequest, name: str) -> HttpResponse:
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    try:
        results = run_flow_tests(parse(document), now=timezone.now())
    except (DocumentError, LookupError, ValueError) as error:
        return _tests_page(request, flow, document, None, f"The draft cannot be played: {error}")
    return _tests_page(request, flow, document, results)


@requires("flows.edit", scope="flow:name")
@require_POST
def delete_flow_test(request: HttpRequest, name: str, index: int) -> HttpResponse:
    """Delete a test; undo and history in the editor bring it back."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    tests = list(document.get("tests") or [])
    if index >= len(tests) or tests[index].get("name") != request.POST.get("test", ""):
        return _tests_page(request, flow, document, None, "The tests were changed in the meantime.")
    old, document["tests"] = tests, tests[:index] + tests[index + 1 :]
    try:
        set_flow_field(request, flow, "/tests", document["tests"], old)
    except OperationRefused as refused:
        return _tests_page(request, flow, normal_form(flow.draft), None, refused.message)
    return _tests_page(request, flow, document, None)


def _tests_page(
    request: HttpRequest,
    flow: Flow,
    document: dict[str, Json],
    results: list[FlowTestResult] | None,
    refusal: str = "",
) -> HttpResponse:
    tests = cast(list[dict[str, Json]], document.get("tests") or [])
    by_index: list[FlowTestResult | None] = list(results) if results else [None] * len(tests)
    context = {
        "flow": flow,
        "may_edit": can(request.user, "flows.edit", flow=flow.name),
        "tests": [
            {"index": index, "test": test, "result": result}
            for index, (test, result) in enumerate(zip(tests, by_index, strict=True))
        ],
        "results": results,
        "failed": sum(not each.passed for each in results or ()),
        "coverage": coverage(parse(document), results) if results else None,
        "steps": len(document["steps"]),
        "edges": len(document["edges"]),
        "refusal": refusal,
    }
    return render(request, "flows/testing/_tests.html", context)


# --- Coverage ---------------------------------------------------------------------


@requires("flows.view", scope="flow:name")
@require_GET
@limit_previews
def coverage_json(request: HttpRequest, name: str) -> JsonResponse:
    """Return the canvas's statuses of what ``?by=tests`` or ``?by=traffic`` covers."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    if request.GET.get("by") == "traffic":
        traffic = read_traffic(flow)
        return JsonResponse(
            {**get_traffic_statuses(document, traffic), "said": f"The last {traffic.runs:,} runs."}
        )
    try:
        parsed = parse(document)
        results = run_flow_tests(parsed, now=timezone.now())
    except (DocumentError, LookupError, ValueError) as error:
        return JsonResponse({"steps": {}, "edges": {}, "said": str(error)}, status=422)
    covered = coverage(parsed, results)
    summary = (
        f"{len(results)} tests go over {len(parsed.steps) - len(covered.missed_steps)} of "
        f"{len(parsed.steps)} steps and {len(parsed.edges) - len(covered.missed_edges)} of "
        f"{len(parsed.edges)} edges."
    )
    return JsonResponse({**get_test_statuses(parsed, results), "said": summary})
