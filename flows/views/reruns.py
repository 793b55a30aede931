"""Run again: show the plan, then do it."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from flows import services
from flows.models import Run
from flows.runtime.payloads import fetch
from flows.selectors.flows import list_versions_for
from flows.services.reruns import RerunPlan, get_program
from flows.services.run_keys import read_form_key
from flows.views.requests import actor_of, positive_number, run_or_404
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step in the plan: its ``fate`` is reused, start, repeated or unreached."""

    id: str
    title: str
    type: str
    fate: str
    acts: bool
    asks: bool
    missing: tuple[str, ...]


@requires("runs.start", scope="rows")
@require_http_methods(["GET", "POST"])
def run_rerun(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what a rerun would reuse and repeat, or do it."""
    run = run_or_404(request, run_id)
    if not can(request.user, "runs.start", flow=run.flow.name):
        raise PermissionDenied(f"This needs the permission runs.start for {run.flow.name}.")
    if request.method == "POST":
        return _rerun(request, run)
    return _page(request, run, _text(fetch(run.input)))


@requires("runs.start", scope="rows")
@require_GET
def rerun_plan(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the plan alone, which the page fetches when another step or version is chosen."""
    run = run_or_404(request, run_id)
    return render(
        request, "flows/_rerun_plan.html", {"run": run, **_get_plan_context(request, run)}
    )


def _rerun(request: HttpRequest, run: Run) -> HttpResponse:
    text = request.POST.get("input", "")
    try:
        given = read_json(text) if text.strip() else None
    except ValueRefused as error:
        return _page(request, run, text, input_error=str(error), status=422)
    try:
        started = services.rerun(
            run_id=run.pk,
            step=request.POST.get("step") or None,
            input=given,
            version_id=_read_version_id(request, run),
            actor=actor_of(request),
            now=timezone.now(),
            idempotency_key=read_form_key(request.POST.get("key", ""), "rerun"),
        )
    except services.ServiceError as error:
        return _page(request, run, text, **_explain(error), status=422)
    messages.success(request, f"Run {started.run.pk} goes on from run {run.pk}.")
    return redirect("flows:run-detail", started.run.pk)


def _explain(error: services.ServiceError) -> dict[str, str]:
    """Return what the page shows of a refusal; a key that was used is replaced."""
    if isinstance(error, services.InputInvalid):
        faults = "; ".join(f"{e['path'] or 'the input'}: {e['message']}" for e in error.errors)
        return {"input_error": faults}
    if isinstance(error, services.IdempotencyKeyReused):
        refusal = f"This form has started run {error.run_id}. Send it again to start another run."
        return {"refusal": refusal, "key": _new_key()}
    return {"refusal": f"{error} {error.remedy}"}


def _page(
    request: HttpRequest, run: Run, text: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "run": run,
        "text": text,
        "versions": list(list_versions_for(run)[:50]),
        "key": request.POST.get("key") or _new_key(),
        **_get_plan_context(request, run),
        **more,
    }
    return render(request, "flows/run_rerun.html", context, status=status)


def _new_key() -> str:
    return f"rerun-{uuid4()}"


def _get_plan_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return the plan for the chosen step and version; a step that the version lacks is ignored."""
    given = request.POST if request.method == "POST" else request.GET
    version_id, step = _read_version_id(request, run), given.get("step", "")[:80] or None
    is_agent = bool(run.version.part)
    step = None if is_agent else step  # an agent is repeated from its start only
    program = get_program(run, version_id)
    unknown = step if step is not None and step not in program.steps else ""
    plan = services.plan_rerun(run_id=run.pk, step=None if unknown else step, version_id=version_id)
    steps = [
        _plan_step(plan, program.steps[name].step) for name in _order_steps(plan, program.steps)
    ]
    return {
        "plan": plan,
        "steps": steps,
        "choices": []
        if is_agent
        else [(s.id, s.title or s.id) for s in program.document.steps.values()],
        "unknown": unknown,
        "effects": [s for s in steps if s.acts],
        "asks": [s for s in steps if s.asks],
        "gaps": [s for s in steps if s.missing],
        "chosen_version": program.number,
    }


def _order_steps(plan: RerunPlan, names: Any) -> list[str]:
    """Return the kept steps in the order they were done, then the first step and what follows."""
    first = [plan.step] if plan.step else []
    later = [name for name in plan.repeated if name != plan.step]
    rest = [name for name in names if name not in {*plan.kept, *plan.repeated}]
    return [*plan.kept, *first, *later, *rest]


def _plan_step(plan: RerunPlan, step: Any) -> PlannedStep:
    fates = {**dict.fromkeys(plan.kept, "reused"), **dict.fromkeys(plan.repeated, "repeated")}
    fate = "start" if step.id == plan.step else fates.get(step.id, "unreached")
    return PlannedStep(
        step.id,
        step.title or step.id,
        step.type,
        fate,
        step.id in plan.effects,
        step.id in plan.asks,
        tuple(plan.missing.get(step.id, ())),
    )


def _read_version_id(request: HttpRequest, run: Run) -> int:
    """Return the id of the chosen version: ``same``, a number, or by default the released one."""
    given = request.POST if request.method == "POST" else request.GET
    chosen = given.get("version", "")
    if chosen == "same":
        return run.version_id
    if number := positive_number(chosen):
        found = list_versions_for(run).filter(number=number).first()
        return found.pk if found else run.version_id
    released = run.flow.released
    found = list_versions_for(run).filter(number=released.number).first() if released else None
    return found.pk if found else run.version_id


def _text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
