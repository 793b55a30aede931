"""``{% load flows %}``: what pages of flows and runs show more than once."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.core.cache import cache
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from flows.models import Flow, Run, RunStatus
from flows.selectors.problems import list_problems
from flows.selectors.tour import get_tour
from flows.selectors.waits import WaitDescription, describe_waits
from workbench.shell.icons import render_icon
from workbench.shell.statuses import look_of

register = template.Library()

CACHED_SECONDS = 24 * 3600
_STATES = (
    RunStatus.RUNNING,
    RunStatus.FAILED,
    RunStatus.PAUSED,
    RunStatus.COMPLETED,
    RunStatus.CANCELLED,
)


@register.simple_tag
def state_counts(counts: Mapping[str, int], flow: str) -> SafeString:
    """``{% state_counts row.recent flow.name %}``: icon and number of each state that has runs."""
    if not counts:
        return format_html('<span class="muted">{}</span>', "None")
    runs = reverse("flows:run-list")
    parts = (
        (
            look_of(s).tone,
            f"{runs}?flow={flow}&state={s}",
            look_of(s).word,
            render_icon(look_of(s).icon),
            f"{counts[s]:,}",
            look_of(s).word.lower(),
        )
        for s in _STATES
        if counts.get(s)
    )
    return format_html(
        '<span class="state-counts">{}</span>',
        format_html_join(
            "",
            '<a class="status num" data-tone="{}" href="{}" title="{}">{}{} '
            '<span class="sr-only">{}</span></a>',
            parts,
        ),
    )


@register.simple_tag
def draft_state(flow: Flow) -> SafeString:
    """``{% draft_state flow %}``: how many errors the draft has. Cached by revision."""
    key = f"flows.problems.{flow.pk}.{flow.draft_revision}"
    errors = cache.get(key)
    if errors is None:
        errors = sum(each["severity"] == "error" for each in list_problems(flow.draft))
        cache.set(key, errors, CACHED_SECONDS)
    if not errors:
        return format_html('<span class="muted">{}</span>', "No problems")
    word = "problem" if errors == 1 else "problems"
    return format_html(
        '<span class="status" data-tone="bad">{}{} {}</span>',
        render_icon("circle-alert"),
        errors,
        word,
    )


@register.simple_tag
def describe_wait(wait: Any) -> WaitDescription:
    """``{% describe_wait wait as waiting %}``: for whom or what a run waits."""
    return describe_waits([wait])[wait.pk]


@register.filter
def lookup(values: Mapping[str, Any], key: str) -> Any:
    """Return ``values[key]``, or "" where it is not there."""
    return values.get(key, "")


@register.inclusion_tag("flows/_tour_place.html", takes_context=True)
def tour(
    context: Mapping[str, Any], flow: Flow | None = None, run: Run | None = None
) -> dict[str, Any]:
    """``{% tour flow %}``: what to do next on the way to a first flow, if this person is on it.

    It refreshes itself at nudges about the run or, without one, about the flow.
    """
    live = f"run.{run.pk}" if run else f"flow.{flow.name}" if flow else ""
    request = context["request"]
    return {
        "tour": get_tour(request.user, flow),
        "flow": flow,
        "live": live,
        "here_url": request.get_full_path(),
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }
