"""What may be done to one run: cancel, retry, pause, migrate, change its lane."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from flows import selectors, services
from flows.engine.errors import RunNotActive
from flows.engine.lanes import Lane
from flows.models import Run
from flows.selectors.flows import list_versions_for
from flows.views.requests import actor_of, positive_number, run_or_404
from flows.views.run_context import get_run_context, get_timeline_context
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can


@requires("runs.operate", scope="rows")
@require_POST
def run_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _find_run(request, run_id, "runs.operate")
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        services.cancel_run(
            run_id=run.pk, reason=reason, actor=actor_of(request), now=timezone.now()
        )
    except RunNotActive as error:
        return _refuse(request, run, str(error))
    messages.success(
        request, f"Run {run.pk} is cancelled. Run again starts it anew with the same input."
    )
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate", scope="rows")
@require_POST
def run_retry(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _find_run(request, run_id, "runs.operate")
    try:
        services.retry_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    except services.RunNotFailed as error:
        return _refuse(request, run, f"{error} {error.remedy}")
    messages.success(request, f"Run {run.pk} goes on from where it failed.")
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate", scope="rows")
@require_POST
def run_pause(request: HttpRequest, run_id: int) -> HttpResponse:
    """Pause the run, or resume it if ``resume`` is posted."""
    run = _find_run(request, run_id, "runs.operate")
    act = services.resume_run if request.POST.get("resume") else services.pause_run
    try:
        act(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    except RunNotActive as error:
        return _refuse(request, run, str(error))
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate", scope="rows")
@require_POST
def run_migrate(request: HttpRequest, run_id: int) -> HttpResponse:
    """Move the run to the posted version."""
    run = _find_run(request, run_id, "runs.operate")
    number = positive_number(request.POST.get("version", "")) or 0
    version = list_versions_for(run).filter(number=number).first()
    if version is None:
        return _refuse(request, run, f"Flow {run.flow.title} has no such version.", status=422)
    try:
        services.migrate_run(
            run_id=run.pk, version_id=version.pk, actor=actor_of(request), now=timezone.now()
        )
    except services.ServiceError as error:
        return _refuse(request, run, f"{error} {error.remedy}")
    messages.success(request, f"Run {run.pk} goes on with version {version.number}.")
    return redirect("flows:run-detail", run.pk)


@requires("runs.operate", scope="rows")
@require_POST
def run_lane(request: HttpRequest, run_id: int) -> HttpResponse:
    run = _find_run(request, run_id, "runs.operate")
    lane = request.POST.get("lane", "")
    if lane not in set(Lane):
        return _refuse(request, run, f"There is no lane {lane!r}.", status=422)
    try:
        services.move_to_lane(
            run_id=run.pk, lane=Lane(lane), actor=actor_of(request), now=timezone.now()
        )
    except RunNotActive as error:
        return _refuse(request, run, str(error))
    return redirect("flows:run-detail", run.pk)


def _find_run(request: HttpRequest, run_id: int, permission: str) -> Run:
    """Return the run. Raises: PermissionDenied, if the person may act on other flows only."""
    run = run_or_404(request, run_id)
    if not can(request.user, permission, flow=run.flow.name):
        raise PermissionDenied(f"This needs the permission {permission} for {run.flow.name}.")
    return run


def _refuse(request: HttpRequest, run: Run, message: str, status: int = 409) -> HttpResponse:
    """Show the run as it is now, and why the act was refused."""
    run = selectors.get_run(run.pk)
    context = {
        **get_run_context(request, run),
        **get_timeline_context(request, run),
        "tab": "timeline",
    }
    return render(request, "flows/run_detail.html", {**context, "refusal": message}, status=status)
