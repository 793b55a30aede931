"""The pages that belong to no app: home, search, preferences, the style page."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from workbench.accounts.gate import requires
from workbench.accounts.permissions import SIGNED_IN
from workbench.http.addresses import read_own_path
from workbench.shell.icons import icon_markup
from workbench.shell.offers import list_commands_for, list_home_panels_for, list_places_for
from workbench.shell.preferences import THEMES, keep_theme, set_time_zone
from workbench.shell.search import search
from workbench.shell.statuses import LOOKS

# Home


@requires(SIGNED_IN, scope="own")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the panels that apps registered, such as what waits for the person and what runs now."""
    return render(request, "shell/home.html", _home_context(request))


@requires(SIGNED_IN, scope="own")
@require_GET
def home_panels(request: HttpRequest) -> HttpResponse:
    return render(request, "shell/_home_panels.html", _home_context(request))


def _home_context(request: HttpRequest) -> dict[str, Any]:
    panels = []
    live = [f"user.{request.user.pk}"]
    for panel in list_home_panels_for(request.user):
        context = panel.function(request)
        if context is not None:
            panels.append(render_to_string(panel.template, context, request))
            live += context.get("live", ())
    return {
        "panels": panels,
        "live": sorted(set(live)),
        "places": list_places_for(request.user),
        "first_steps": [step for step in list_commands_for(request.user) if step.permission],
    }


# Search


@requires(SIGNED_IN, scope="own")
@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
    return render(request, "shell/search.html", _search_context(request))


@requires(SIGNED_IN, scope="own")
@require_GET
def search_results(request: HttpRequest) -> HttpResponse:
    return render(request, "shell/_results.html", _search_context(request))


def _search_context(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("q", "")[:200]
    return {"text": text, "groups": search(request.user, text)}


# Preferences


@requires(SIGNED_IN, scope="own")
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _keep_preferences(request)
    return _preferences_page(request)


def _preferences_page(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    context = {"zones": sorted(available_timezones()), "error": error}
    return render(request, "shell/preferences.html", context, status=status)


def _keep_preferences(request: HttpRequest) -> HttpResponse:
    theme, zone = request.POST.get("theme"), request.POST.get("time_zone")
    if zone is not None and zone not in available_timezones():
        error = f"There is no time zone “{zone}”. Choose one of the list, such as Europe/Berlin."
        return _preferences_page(request, error, status=422)
    if theme is not None and theme not in {choice.value for choice in THEMES}:
        return _preferences_page(request, "Choose one of the three themes.", status=422)
    if zone is not None:
        set_time_zone(username=request.user.get_username(), time_zone=zone)
        messages.success(request, f"Times are now shown in {zone}.")
    response = redirect(_next_page(request))
    if theme is not None:
        keep_theme(response, theme, secure=request.is_secure())
    return response


def _next_page(request: HttpRequest) -> str:
    return read_own_path(request.POST.get("next", "")) or reverse("shell:preferences")


# Style page


@requires(SIGNED_IN, scope="own")
@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component that pages are built from."""
    now = timezone.now()
    context = {
        "icons": sorted(icon_markup()),
        "statuses": list(LOOKS),
        "instants": [
            now - timedelta(seconds=4),
            now - timedelta(minutes=12),
            now - timedelta(days=3),
            now + timedelta(hours=2),
        ],
        "sample": {
            "applicant": {"age": 41, "employed_since": "2019-04-01", "owns_home": True},
            "reasons": ["long employment", "savings above 500"],
            "score": 0.8342,
            "guarantor": None,
        },
    }
    return render(request, "shell/styleguide.html", context)
