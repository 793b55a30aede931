"""The pages under Health: the machinery, and its breakers, limits and dead letters."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.health import services
from flows.health.selectors import (
    get_health,
    get_resilience,
    list_breakers,
    list_budget_problems,
    list_dead_groups,
)
from flows.views.requests import actor_of, get_run_reach
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can, reach

PAGE = "flows:resilience"


# --- The machinery ------------------------------------------------------------------


@requires("health.view", scope="installation")
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/health.html", _health_context(request))


@requires("health.view", scope="installation")
@require_GET
def health_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/_health.html", _health_context(request))


def _health_context(request: HttpRequest) -> dict[str, Any]:
    breakers = list_breakers()
    now = timezone.now()
    health = get_health(now)
    return {
        "health": health,
        "problems": [*health.problems, *list_budget_problems(request.user, now)],
        "breakers": breakers,
        "open_breakers": [each for each in breakers if each.state != "closed"],
        "causes": list_dead_groups(get_run_reach(request))[:8],
        "may_operate": can(request.user, "runs.operate"),
        "may_operate_all": reach(request.user, "runs.operate").everywhere,
    }


@requires("runs.operate", scope="installation")
@require_POST
def set_aside_retry(request: HttpRequest, set_aside_id: int) -> HttpResponse:
    try:
        services.retry_set_aside(
            set_aside_id=set_aside_id, actor=actor_of(request), now=timezone.now()
        )
    except services.SetAsideUnknown as error:
        messages.info(request, error.message)
    else:
        messages.success(request, "The clock tries it now.")
    return redirect("flows:health")


# --- Breakers, limits, dead letters -------------------------------------------------


@requires("health.view", scope="installation")
@require_GET
def resilience(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/resilience/page.html", _resilience_context(request))


@requires("health.view", scope="installation")
@require_GET
def resilience_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/resilience/_panels.html", _resilience_context(request))


@requires("runs.operate", scope="installation")
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


@requires("runs.operate", scope="rows")
@require_POST
def dead_retry(request: HttpRequest) -> HttpResponse:
    """Start to retry the runs that failed with one error; go to the page of that act."""
    begun = services.start_retry_of_dead_runs(
        kind=request.POST.get("kind", "")[:80],
        flow=request.POST.get("flow", "")[:80],
        within=reach(request.user, "runs.operate"),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return redirect("flows:bulk-act", begun.pk)


@requires("runs.operate", scope="installation")
@require_POST
def jobs_revive(request: HttpRequest) -> HttpResponse:
    revived = services.revive_dead_jobs(actor=actor_of(request), now=timezone.now())
    messages.success(request, f"{revived} messages are tried again.")
    return redirect(PAGE)


def _resilience_context(request: HttpRequest) -> dict[str, Any]:
    return {
        "resilience": get_resilience(get_run_reach(request)),
        "may_operate": can(request.user, "runs.operate"),
        "may_operate_all": reach(request.user, "runs.operate").everywhere,
        "now": timezone.now(),
    }
