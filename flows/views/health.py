"""Health: what the machinery does now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.selectors import get_health
from workbench.accounts.permissions import requires


@requires("health.view")
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/health.html", {"health": get_health(timezone.now())})


@requires("health.view")
@require_GET
def health_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "flows/_health.html", {"health": get_health(timezone.now())})
