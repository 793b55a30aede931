"""``{% load flows %}``: what pages of flows and runs show more than once."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from flows.models import Flow, Run, RunStatus
from flows.selectors.problems import get_cached_problems
from flows.selectors.tour import get_tour
from flows.selectors.waits import WaitDescription, describe_waits
from flows.spending.amounts import format_amount
from workbench.shell.icons import render_icon
from workbench.shell.statuses import look_of
from workbench.shell.templatetags.shell import EMPTY

register = template.Library()

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
    links = [_link_state(state, counts[state], flow) for state in _STATES if counts.get(state)]
    return format_html(
        '<span class="state-counts">{}</span>',
        format_html_join("", "{}", [(link,) for link in links]),
    )


def _link_state(state: str, count: int, flow: str) -> SafeString:
    look = look_of(state)
    return format_html(
        '<a class="status num" data-tone="{}" href="{}" title="{}">{}{} '
        '<span class="sr-only">{}</span></a>',
        look.tone,
        f"{reverse('flows:run-list')}?flow={flow}&state={state}",
        look.word,
        render_icon(look.icon),
        f"{count:,}",
        look.word.lower(),
    )


@register.simple_tag
def draft_state(flow: Flow) -> SafeString:
    """``{% draft_state flow %}``: how many errors the draft has. Cached by revision."""
    errors = _count_errors(flow)
    if not errors:
        return format_html('<span class="muted">{}</span>', "No problems")
    return format_html(
        '<span class="status" data-tone="bad">{}{} {}</span>',
        render_icon("circle-alert"),
        errors,
        "problem" if errors == 1 else "problems",
    )


def _count_errors(flow: Flow) -> int:
    return sum(each["severity"] == "error" for each in get_cached_problems(flow.draft))


@register.filter
def money(amount: Decimal | float | None) -> SafeString:
    """``{{ row.cost|money }}``: an amount with the installation's currency, such as 0.042 EUR."""
    if amount is None:
        return EMPTY
    return format_html('<span class="num">{}</span>', format_amount(amount))


@register.simple_tag
def currency() -> str:
    """``{% currency %}``: in which amounts are."""
    return str(settings.CURRENCY)


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
