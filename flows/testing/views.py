"""The test drawer of the editor: try the draft, answer checkpoints, keep and run tests.

A bench comes with each request and goes back with the answer: the server keeps nothing of it.
"""

import json
from typing import Any, cast
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.graph.codec import parse
from flows.graph.operations import OperationRefused, normal_form
from flows.graph.problems import DocumentError
from flows.models import Flow
from flows.runtime.flow_tests import FlowTestResult, coverage, run_flow_tests
from flows.runtime.rehearsal import Rehearsal
from flows.services import editing
from flows.testing.bench import (
    ALL,
    ONLY,
    TO,
    Bench,
    Unplayable,
    flow_test_of,
    known_of,
    play_bench,
    rows_of,
    statuses_of,
)
from flows.testing.coverage import read_traffic, tests_statuses, traffic_statuses
from flows.testing.samples import sample_of
from flows.views.requests import flow_or_404, user_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

Json = Any
MOST_KNOWN_BYTES = 500_000
LONGEST_NAME = 120


# --- Try it -----------------------------------------------------------------------


@requires("flows.view", flow="name")
@require_GET
def bench(request: HttpRequest, name: str) -> HttpResponse:
    """The drawer as it opens: the first sample, nothing played yet."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    samples = document.get("samples") or {}
    first = next(iter(samples), "")
    return _bench_page(request, flow, document, _loaded(document, first))


@requires("flows.edit", flow="name")
@require_POST
def play(request: HttpRequest, name: str) -> HttpResponse:
    """Do what the pressed button says to the bench, and play the draft."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    act, *arguments = request.POST.get("act", ALL).split(":")
    if act == "sample":
        return _bench_page(request, flow, document, _loaded(document, request.POST["sample"]))
    if act == "load":
        return _bench_page(request, flow, document, _from_test(document, arguments))
    held, refusal = _read_bench(request.POST)
    try:
        _change(held, act, arguments, request.POST)
        made = play_bench(document, held, now=timezone.now())
        if act == "save":
            said = _save_test(request, flow, document, held, made)
        elif act == "keep-sample":
            said = _save_sample(request, flow, document, held)
        else:
            said = ""
    except (Unplayable, OperationRefused) as error:
        return _bench_page(request, flow, document, held, refusal=refusal or str(error))
    return _bench_page(request, flow, document, held, made=made, said=said)


def _bench_page(
    request: HttpRequest,
    flow: Flow,
    document: dict[str, Json],
    held: Bench,
    *,
    made: Rehearsal | None = None,
    refusal: str = "",
    said: str = "",
) -> HttpResponse:
    if made is not None and held.scope != ONLY:
        held.known = known_of(made)
    known = json.dumps(held.known)
    context = {
        "flow": flow,
        "may_edit": can(request.user, "flows.edit", flow=flow.name),
        "bench": held,
        "samples": list(document.get("samples") or {}),
        "tests": len(document.get("tests") or []),
        "made": made,
        "rows": list(rows_of(document, held, made)) if made else [],
        "statuses": statuses_of(document, made) if made else None,
        "pins_json": json.dumps(held.pins),
        "decisions_json": json.dumps(held.decisions),
        "known_json": known if len(known) <= MOST_KNOWN_BYTES else "{}",
        "refusal": refusal,
        "said": said,
    }
    return render(request, "flows/testing/_bench.html", context)


def _loaded(document: dict[str, Json], sample: str) -> Bench:
    samples = document.get("samples") or {}
    value = samples[sample] if sample in samples else sample_of(document.get("input") or {})
    return Bench(json.dumps(value, indent=2, ensure_ascii=False), sample)


def _from_test(document: dict[str, Json], arguments: list[str]) -> Bench:
    """Lay a flow test out on the bench, to see it step by step."""
    try:
        test = (document.get("tests") or [])[int(arguments[0])]
    except (IndexError, ValueError):
        raise Http404("The flow has no such test any more.") from None
    given = test.get("input", {})
    held = _loaded(document, given) if isinstance(given, str) else Bench(_text(given))
    for step, stub in (test.get("stubs") or {}).items():
        held.pins[step] = stub[0] if isinstance(stub, list) else stub
    for step, decided in (test.get("decisions") or {}).items():
        held.decisions[step] = decided if isinstance(decided, list) else [decided]
    return held


def _text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _read_bench(form: QueryDict) -> tuple[Bench, str]:
    """Return the bench that the form holds, and what of it could not be read."""
    held = Bench(form.get("input", "{}"), form.get("sample", ""), step=form.get("step", ""))
    held.pins = _mapping(form.get("pins", ""))
    held.decisions = _mapping(form.get("decisions", ""))
    held.known = _mapping(form.get("known", ""))
    for step, pin in held.pins.items():
        text = form.get(f"pin.{step}")
        if text is None:
            continue
        try:
            pin["output"] = json.loads(text)
        except ValueError as error:
            return held, f"What is pinned on {step} is not JSON: {error}."
    return held, ""


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _change(held: Bench, act: str, arguments: list[str], form: QueryDict) -> None:
    """Apply a button to the bench. Raises: Unplayable."""
    step = arguments[0] if arguments else ""
    if act in {TO, ONLY}:
        held.scope = act
    elif act == "pin" and step in held.known:
        held.pins[step] = held.known[step]
    elif act == "unpin":
        held.pins.pop(step, None)
    elif act == "decide":
        output = _decision(form.get(f"decision.{step}", ""), step)
        answer = {"port": arguments[1], "output": _with_outcome(output, arguments[1])}
        held.decisions.setdefault(step, []).append(answer)
    elif act == "undecide":
        held.decisions.pop(step, None)


def _decision(text: str, step: str) -> Json:
    try:
        return json.loads(text or "{}")
    except ValueError as error:
        raise Unplayable(f"The answer at {step} is not JSON: {error}.") from None


def _with_outcome(output: Json, port: str) -> Json:
    return (
        {**output, "outcome": port} if isinstance(output, dict) and "outcome" in output else output
    )


# --- Keep it ----------------------------------------------------------------------


def _save_test(
    request: HttpRequest, flow: Flow, document: dict[str, Json], held: Bench, made: Rehearsal
) -> str:
    """Add what happened to the flow's tests. Raises: Unplayable, OperationRefused."""
    name = request.POST.get("test_name", "").strip()[:LONGEST_NAME]
    if not name:
        raise Unplayable("Give the test a name that states the rule it holds.")
    tests = list(document.get("tests") or [])
    added = flow_test_of(document, held, made, name)
    _set_flow(request, flow, "/tests", [*tests, added], document.get("tests"))
    document["tests"] = [*tests, added]
    return f"Kept as test {len(tests) + 1}. It runs with the others, and before publishing."


def _save_sample(request: HttpRequest, flow: Flow, document: dict[str, Json], held: Bench) -> str:
    name = request.POST.get("sample_name", "").strip()[:LONGEST_NAME]
    if not name:
        raise Unplayable("Give the sample a name.")
    samples = {**(document.get("samples") or {}), name: held.input}
    _set_flow(request, flow, "/samples", samples, document.get("samples"))
    document["samples"], held.sample = samples, name
    return f"Kept as the sample {name}."


def _set_flow(request: HttpRequest, flow: Flow, path: str, value: Json, old: Json) -> None:
    """Apply one operation to the draft, as the canvas would. Raises: OperationRefused."""
    operation = {"op": "set_flow", "path": path, "value": value, "old": old}
    outcomes = editing.apply_operations(
        flow_id=flow.pk,
        operations=[{"client_id": f"test-{uuid4().hex}", "op": operation}],
        author=user_of(request),
        now=timezone.now(),
    )
    if outcomes[0].refusal is not None:
        raise outcomes[0].refusal


# --- The flow's tests -------------------------------------------------------------


@requires("flows.view", flow="name")
@require_GET
def flow_tests(request: HttpRequest, name: str) -> HttpResponse:
    """The tests as they are written, not run yet."""
    flow = flow_or_404(name)
    return _tests_page(request, flow, normal_form(flow.draft), None)


@requires("flows.edit", flow="name")
@require_POST
def play_flow_tests(request: HttpRequest, name: str) -> HttpResponse:
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    try:
        results = run_flow_tests(parse(document), now=timezone.now())
    except (DocumentError, LookupError, ValueError) as error:
        return _tests_page(request, flow, document, None, f"The draft cannot be played: {error}")
    return _tests_page(request, flow, document, results)


@requires("flows.edit", flow="name")
@require_POST
def delete_flow_test(request: HttpRequest, name: str, index: int) -> HttpResponse:
    """Take a test away; the editor's undo and history bring it back."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    tests = list(document.get("tests") or [])
    if index >= len(tests) or tests[index].get("name") != request.POST.get("test", ""):
        return _tests_page(request, flow, document, None, "The tests were changed meanwhile.")
    old, document["tests"] = tests, tests[:index] + tests[index + 1 :]
    try:
        _set_flow(request, flow, "/tests", document["tests"], old)
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
    by_place: list[FlowTestResult | None] = list(results) if results else [None] * len(tests)
    context = {
        "flow": flow,
        "may_edit": can(request.user, "flows.edit", flow=flow.name),
        "tests": [
            {"index": index, "test": test, "result": result}
            for index, (test, result) in enumerate(zip(tests, by_place, strict=True))
        ],
        "results": results,
        "failed": sum(not each.passed for each in results or ()),
        "coverage": coverage(parse(document), results) if results else None,
        "steps": len(document["steps"]),
        "edges": len(document["edges"]),
        "refusal": refusal,
    }
    return render(request, "flows/testing/_tests.html", context)


@requires("flows.view", flow="name")
@require_GET
def coverage_json(request: HttpRequest, name: str) -> JsonResponse:
    """What the canvas draws: the steps and edges that ``?by=tests`` or ``traffic`` goes over."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    if request.GET.get("by") == "traffic":
        traffic = read_traffic(flow)
        return JsonResponse(
            {**traffic_statuses(document, traffic), "said": f"The last {traffic.runs:,} runs."}
        )
    try:
        parsed = parse(document)
        results = run_flow_tests(parsed, now=timezone.now())
    except (DocumentError, LookupError, ValueError) as error:
        return JsonResponse({"steps": {}, "edges": {}, "said": str(error)}, status=422)
    covered = coverage(parsed, results)
    said = (
        f"{len(results)} tests go over {len(parsed.steps) - len(covered.missed_steps)} of "
        f"{len(parsed.steps)} steps and {len(parsed.edges) - len(covered.missed_edges)} of "
        f"{len(parsed.edges)} edges."
    )
    return JsonResponse({**tests_statuses(parsed, results), "said": said})
