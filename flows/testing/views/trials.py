"""Try the draft. A trial comes with each request and goes back with the answer."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.graph.operations import OperationRefused, normal_form
from flows.models import Flow
from flows.runtime.rehearsal import Rehearsal
from flows.testing.flow_test import build_flow_test
from flows.testing.samples import make_sample
from flows.testing.trial import ALL, ONLY, TO, Trial, Unplayable, play_trial
from flows.testing.trial_rows import get_known_outputs, get_statuses, list_rows
from flows.testing.views.drafts import set_flow_field
from flows.views.requests import actor_of, flow_or_404
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.http.rates import limit_previews
from workbench.values.checking import MAX_WRAPPED_DEPTH
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
MOST_KNOWN_BYTES = 500_000
LONGEST_NAME = 120


# --- Try it -----------------------------------------------------------------------


@requires("flows.view", scope="flow:name")
@require_GET
def bench(request: HttpRequest, name: str) -> HttpResponse:
    """Show the drawer as it opens: with the first sample, before anything is played."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    samples = document.get("samples") or {}
    first = next(iter(samples), "")
    return _trial_page(request, flow, document, _load_sample(document, first))


@requires("flows.edit", scope="flow:name")
@require_POST
@limit_previews
def play(request: HttpRequest, name: str) -> HttpResponse:
    """Do what the pressed button says, and play the draft."""
    flow = flow_or_404(name)
    document = normal_form(flow.draft)
    act, *arguments = request.POST.get("act", ALL).split(":")
    if act == "sample":
        return _trial_page(request, flow, document, _load_sample(document, request.POST["sample"]))
    if act == "load":
        return _trial_page(request, flow, document, _load_test(document, arguments))
    trial, refusal = _read_trial(request.POST)
    try:
        _apply_button(trial, act, arguments, request.POST)
        rehearsal = play_trial(document, trial, actor=actor_of(request), now=timezone.now())
        if act == "save":
            notice = _save_test(request, flow, document, trial, rehearsal)
        elif act == "keep-sample":
            notice = _save_sample(request, flow, document, trial)
        else:
            notice = ""
    except (Unplayable, OperationRefused) as error:
        return _trial_page(request, flow, document, trial, refusal=refusal or str(error))
    return _trial_page(request, flow, document, trial, rehearsal=rehearsal, notice=notice)


def _trial_page(
    request: HttpRequest,
    flow: Flow,
    document: dict[str, Json],
    trial: Trial,
    *,
    rehearsal: Rehearsal | None = None,
    refusal: str = "",
    notice: str = "",
) -> HttpResponse:
    if rehearsal is not None and trial.scope != ONLY:
        trial.known = get_known_outputs(rehearsal)
    known = json.dumps(trial.known)
    context = {
        "flow": flow,
        "may_edit": can(request.user, "flows.edit", flow=flow.name),
        "trial": trial,
        "samples": list(document.get("samples") or {}),
        "tests": len(document.get("tests") or []),
        "rehearsal": rehearsal,
        "rows": list(list_rows(document, trial, rehearsal)) if rehearsal else [],
        "statuses": get_statuses(document, rehearsal) if rehearsal else None,
        "pins_json": json.dumps(trial.pins),
        "decisions_json": json.dumps(trial.decisions),
        "known_json": known if len(known) <= MOST_KNOWN_BYTES else "{}",
        "refusal": refusal,
        "notice": notice,
    }
    return render(request, "flows/testing/_bench.html", context)


def _load_sample(document: dict[str, Json], sample: str) -> Trial:
    samples = document.get("samples") or {}
    value = samples[sample] if sample in samples else make_sample(document.get("input") or {})
    return Trial(json.dumps(value, indent=2, ensure_ascii=False), sample)


def _load_test(document: dict[str, Json], arguments: list[str]) -> Trial:
    """Return a test of the flow as a trial, to see it step by step."""
    try:
        test = (document.get("tests") or [])[int(arguments[0])]
    except (IndexError, ValueError):
        raise Http404("The flow has no such test any more.") from None
    given = test.get("input", {})
    trial = _load_sample(document, given) if isinstance(given, str) else Trial(_to_text(given))
    for step, stub in (test.get("stubs") or {}).items():
        trial.pins[step] = stub[0] if isinstance(stub, list) else stub
    for step, decided in (test.get("decisions") or {}).items():
        trial.decisions[step] = decided if isinstance(decided, list) else [decided]
    return trial


def _to_text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _read_trial(form: QueryDict) -> tuple[Trial, str]:
    """Return the trial that the form holds, and what is wrong with one of its pins."""
    trial = Trial(form.get("input", "{}"), form.get("sample", ""), step=form.get("step", ""))
    trial.pins = _read_mapping(form.get("pins", ""))
    trial.decisions = _read_mapping(form.get("decisions", ""))
    trial.known = _read_mapping(form.get("known", ""))
    for step, pin in trial.pins.items():
        text = form.get(f"pin.{step}")
        if text is None:
            continue
        try:
            pin["output"] = read_json(text)
        except ValueRefused as error:
            return trial, f"What is pinned on {step} cannot be used. {error}"
    return trial, ""


def _read_mapping(text: str) -> dict[str, Any]:
    try:
        value = read_json(text or "{}", max_depth=MAX_WRAPPED_DEPTH)
    except ValueRefused:
        return {}
    return value if isinstance(value, dict) else {}


def _apply_button(trial: Trial, act: str, arguments: list[str], form: QueryDict) -> None:
    """Change the trial as the button says. Raises: Unplayable."""
    step = arguments[0] if arguments else ""
    if act in {TO, ONLY}:
        trial.scope = act
    elif act == "pin" and step in trial.known:
        trial.pins[step] = trial.known[step]
    elif act == "unpin":
        trial.pins.pop(step, None)
    elif act == "decide":
        output = _read_decision(form.get(f"decision.{step}", ""), step)
        answer = {"port": arguments[1], "output": _with_outcome(output, arguments[1])}
        trial.decisions.setdefault(step, []).append(answer)
    elif act == "undecide":
        trial.decisions.pop(step, None)


def _read_decision(text: str, step: str) -> Json:
    try:
        return read_json(text or "{}")
    except ValueRefused as error:
        raise Unplayable(f"The answer at {step} cannot be used. {error}") from None


def _with_outcome(output: Json, port: str) -> Json:
    return (
        {**output, "outcome": port} if isinstance(output, dict) and "outcome" in output else output
    )


# --- Keep it ----------------------------------------------------------------------


def _save_test(
    request: HttpRequest, flow: Flow, document: dict[str, Json], trial: Trial, rehearsal: Rehearsal
) -> str:
    """Add what happened to the flow's tests. Raises: Unplayable, OperationRefused."""
    name = request.POST.get("test_name", "").strip()[:LONGEST_NAME]
    if not name:
        raise Unplayable("Give the test a name that states the rule it holds.")
    tests = list(document.get("tests") or [])
    added = build_flow_test(document, trial, rehearsal, name)
    set_flow_field(request, flow, "/tests", [*tests, added], document.get("tests"))
    document["tests"] = [*tests, added]
    return f"Kept as test {len(tests) + 1}. It runs with the others, and before publishing."


def _save_sample(request: HttpRequest, flow: Flow, document: dict[str, Json], trial: Trial) -> str:
    name = request.POST.get("sample_name", "").strip()[:LONGEST_NAME]
    if not name:
        raise Unplayable("Give the sample a name.")
    samples = {**(document.get("samples") or {}), name: trial.input}
    set_flow_field(request, flow, "/samples", samples, document.get("samples"))
    document["samples"], trial.sample = samples, name
    return f"Kept as the sample {name}."
