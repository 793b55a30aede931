"""Resilience, under Health: breakers, limits, dead letters."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.health import services
from flows.health.held import get_resilience
from flows.views.requests import actor_of, runs_within
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can, reach
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import revive_jobs

PAGE = "flows:resilience"


@requires("health.view")
@require_GET
def resilience(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/resilience/page.html", _context(request))


@requires("health.view")
@require_GET
def resilience_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/resilience/_panels.html", _context(request))


@requires("runs.operate")
@require_POST
def breaker_reset(request: HttpRequest) -> HttpResponse:
    destination = request.POST.get("destination", "")[:200]
    try:
        services.reset_breaker(destination=destination, actor=actor_of(request), now=timezone.now())
    except services.BreakerUnknown as error:
        messages.info(request, error.message)
    else:
        messages.success(request, f"{destination} is called again.")
    return redirect(PAGE)


@requires("runs.operate")
@require_POST
def dead_retry(request: HttpRequest) -> HttpResponse:
    """Begin to retry what failed by one cause; how far it is has a page of its own."""
    begun = services.begin_to_retry_dead_runs(
        kind=request.POST.get("kind", "")[:80],
        flow=request.POST.get("flow", "")[:80],
        within=reach(request.user, "runs.operate"),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return redirect("flows:bulk-act", begun.pk)


@requires("runs.operate")
@require_POST
def jobs_revive(request: HttpRequest) -> HttpResponse:
    ids = list(Outbox.objects.filter(dead_at__isnull=False).values_list("pk", flat=True)[:1000])
    revived = revive_jobs(ids, now=timezone.now())
    messages.success(request, f"{revived} messages are tried again.")
    return redirect(PAGE)


def _context(request: HttpRequest) -> dict[str, Any]:
    return {
        "resilience": get_resilience(runs_within(request)),
        "may_operate": can(request.user, "runs.operate"),
        "now": timezone.now(),
    }
