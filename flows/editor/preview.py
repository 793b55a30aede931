"""Previews in the editor: an expression on the last run's data, and a checkpoint's case."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from flows.expressions import ExpressionError
from flows.expressions.apart import evaluate_apart, render_apart
from flows.graph.operations import normal_form
from flows.selectors.last_run import LastRun, get_last_run
from flows.steps.base import PreviewUnfit, WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type
from flows.views.requests import flow_or_404
from workbench.accounts.gate import requires
from workbench.http.rates import limit_previews
from workbench.values.json_text import read_json

Json = Any
LONGEST_SHOWN = 2_000
LONGEST_SOURCE = 20_000
NO_RUN = "No run yet to try it on."


@requires("flows.edit", scope="flow:name")
@require_POST
@limit_previews
def evaluate(request: HttpRequest, name: str) -> JsonResponse:
    """Evaluate ``text`` as step ``step`` would have in the last run that came to it.

    Answers ``{value, type, run}`` or ``{error, run}``; 422 if there is no run to evaluate on.
    """
    flow = flow_or_404(name)
    step, text = request.POST.get("step", ""), request.POST.get("text", "")[:LONGEST_SOURCE]
    last = get_last_run(flow, step)
    if last is None:
        return JsonResponse({"error": NO_RUN}, status=422)
    try:
        value = _evaluate(text, request.POST.get("kind", ""), last.bindings)
    except (ExpressionError, ValueError) as error:
        return JsonResponse({"error": str(error), "run": last.run.pk})
    shown = json.dumps(value, ensure_ascii=False, default=str)
    short = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
    return JsonResponse({"value": short, "type": get_json_type(value), "run": last.run.pk})


def _evaluate(text: str, kind: str, bindings: Mapping[str, Json]) -> Json:
    """Return the value of an expression or template. Raises: ExpressionError, ValueError."""
    if kind == "bare":
        return evaluate_apart(text, bindings)
    return render_apart(read_json(text) if kind == "json" else text, bindings)


def get_json_type(value: Json) -> str:
    """Return the type of a value, as JSON Schema names it."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    if value is None:
        return "null"
    return kinds.get(type(value), "object")


@requires("flows.edit", scope="flow:name")
@require_GET
@limit_previews
def preview_case(request: HttpRequest, name: str, step: str) -> HttpResponse:
    """Show the page that people will get at a checkpoint, on the last run's data."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    if step not in document["steps"]:
        raise Http404(f"This flow has no step {step}.")
    draft_step = document["steps"][step]
    last = get_last_run(flow, step)
    context: dict[str, Any] = {"flow": flow, "step": draft_step, "step_id": step, "last": last}
    try:
        context |= _render_case(draft_step, last)
    except (PreviewUnfit, UnknownStepType) as error:
        context["unfit"] = str(error)
    return render(request, "flows/editor/preview.html", context)


def _render_case(step: Mapping[str, Json], last: LastRun | None) -> dict[str, Any]:
    """Return template and context of the case. Raises: PreviewUnfit, UnknownStepType."""
    type_ = get_step_type(step["type"])
    if last is None:
        raise PreviewUnfit(NO_RUN)
    config = step.get("with") or {}
    try:
        rendered = render_apart(config, last.bindings)
    except ExpressionError as error:
        raise PreviewUnfit(f"On run {last.run.pk}: {error}") from error
    preview = type_.preview(rendered) if isinstance(type_, WaitingStep) else None
    if preview is None:
        raise PreviewUnfit("This step shows nothing to people.")
    return {"template": preview.template, "styles": preview.styles, **preview.context}


def add_values(suggestions: list[Json], last: LastRun | None) -> list[Json]:
    """Return the suggestions, each ``detail`` with the value that it had in the last run."""
    if last is None:
        return suggestions
    return [{**each, "detail": _describe_value(each, last.bindings)} for each in suggestions]


def _describe_value(suggestion: Mapping[str, Json], bindings: Mapping[str, Json]) -> str:
    value: Json = bindings
    for part in suggestion["text"].split("."):
        if not isinstance(value, Mapping) or part not in value:
            return str(suggestion["detail"])
        value = value[part]
    if isinstance(value, Mapping | list):
        return str(suggestion["detail"])
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return f"{suggestion['detail']} {shown[:40]}".strip()
