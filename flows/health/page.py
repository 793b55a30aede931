"""Health: what the machinery does now."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.health.held import list_breakers, list_dead_groups
from flows.health.selectors import get_health
from flows.views.requests import runs_within
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can


@requires("health.view")
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/health.html", _context(request))


@requires("health.view")
@require_GET
def health_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/_health.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    breakers = list_breakers()
    return {
        "health": get_health(timezone.now()),
        "breakers": breakers,
        "open_breakers": [each for each in breakers if each.state != "closed"],
        "causes": list_dead_groups(runs_within(request))[:8],
        "may_operate": can(request.user, "runs.operate"),
    }
