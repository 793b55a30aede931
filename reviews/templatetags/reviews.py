"""``{% load reviews %}``: due times, confidences and values as the review pages show them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from reviews.apps import ACTIONS
from reviews.models import Case, CaseEvent, CaseParty, Part
from reviews.selectors.cases import get_band
from workbench.audit.actions import describe_action
from workbench.shell.icons import render_icon
from workbench.shell.templatetags.shell import EMPTY, ago

register = template.Library()

CERTAIN, UNSURE = 0.85, 0.6
PRIORITIES = {1: ("Urgent", "bad"), 2: ("High", "waiting"), 3: ("Normal", ""), 4: ("Low", "")}
BAND_LOOKS = {
    "overdue": ("clock-alert", "bad", "Overdue"),
    "due_soon": ("clock-alert", "waiting", "Due soon"),
    "on_time": ("clock", "idle", "Due"),
    "paused": ("circle-pause", "idle", "Clock stands"),
}
EVENT_ICONS = {
    "opened": "inbox", "claimed": "hand", "released": "undo-2", "lease_expired": "lock-open",
    "assigned": "user-plus", "decided": "stamp", "decision_made": "stamp",
    "approval_counted": "check", "decision_withdrawn": "undo-2", "decision_refused": "circle-x",
    "expired": "timer-off", "cancelled": "circle-slash", "commented": "message-square",
    "information_requested": "messages-square", "information_received": "mail-check",
    "escalated": "chevrons-up", "sla_warned": "clock-alert", "sla_reminded": "bell",
    "sla_breached": "timer-off", "reopened": "rotate-ccw",
}  # fmt: skip
# Events of the commit window are in the history and not in the ledger.
NOT_IN_LEDGER = {"decision_made": "Sent: {outcome}"}


@register.filter
def of_part(parties: Sequence[CaseParty] | str, part: str) -> list[CaseParty]:
    """Return those of the parties who have the part; none for a preview, which has no parties."""
    return [each for each in parties if isinstance(each, CaseParty) and each.part == part]


@register.filter
def names_one(parties: Sequence[CaseParty], name: str) -> bool:
    """Return whether the name is that of one of the parties."""
    return any(name in {each.user.username, each.user.label} for each in parties)


@register.simple_tag
def part(name: str) -> str:
    """``{% part "edited" %}``: what a person did with a case."""
    return str(Part(name).label)


@register.simple_tag
def due(case: Case, now: datetime) -> SafeString:
    """``{% due case now %}``: whether the case is on time by its SLA, and when it is due."""
    band = get_band(case, now)
    if band == "closed":
        return EMPTY
    icon, tone, word = BAND_LOOKS[band]
    return format_html(
        '<span class="due" data-tone="{}" data-band="{}">{}<span>{} {}</span></span>',
        tone,
        band,
        render_icon(icon),
        word,
        ago(case.due_at) if case.due_at else "",
    )


@register.simple_tag
def confidence(value: float | None) -> SafeString:
    """``{% confidence 0.71 %}``: a bar and a figure; the tone says how sure."""
    if value is None:
        return EMPTY
    tone = "good" if value >= CERTAIN else "waiting" if value >= UNSURE else "bad"
    return format_html(
        '<span class="confidence" data-tone="{}" title="Confidence {}">'
        '<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6" rx="3"></rect>'
        '<rect class="fill" width="{}" height="6" rx="3"></rect></svg>'
        '<span class="num">{} %</span></span>',
        tone,
        value,
        round(value * 100),
        round(value * 100),
    )


@register.simple_tag
def priority(value: int) -> SafeString:
    word, tone = PRIORITIES.get(value, ("Normal", ""))
    if not tone:
        return format_html('<span class="muted">{}</span>', word)
    return format_html('<span class="badge" data-tone="{}">{}</span>', tone, word)


@register.simple_tag
def shown_value(value: Any, kind: str = "") -> SafeString:
    """``{% shown_value field.value field.format %}``: a value in the format a reader expects."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return format_html("{}", "Yes" if value else "No")
    if isinstance(value, int | float):
        return format_html('<span class="num">{}</span>', _format_number(value, kind))
    if isinstance(value, Mapping | list):
        return format_html("<code>{}</code>", json.dumps(value, ensure_ascii=False))
    return format_html("{}", value)


@register.simple_tag
def place_words(at: Sequence[float]) -> str:
    """``{% place_words place.at %}``: where a place stands on its page."""
    left, top, width, height = (f"{share:.1%}".replace("%", " %") for share in at)
    return f"{left} from the left, {top} from the top, {width} by {height}"


def _format_number(value: float, kind: str) -> str:
    if kind == "percent":
        return f"{value * 100:.1f} %".replace(".0 %", " %")
    if kind == "money":
        return intcomma(f"{value:.2f}").removesuffix(".00")
    return intcomma(value)


@register.filter
def get(values: Mapping[str, Any], key: str) -> Any:
    return values.get(key, "")


@register.filter
def boxes_json(document: Mapping[str, Any]) -> SafeString:
    """Return the boxes for a ``<script type="application/json">``, which must not end early."""
    text = json.dumps(document.get("boxes") or []).replace("<", "\\u003c")
    return mark_safe(text)  # noqa: S308 - "<" cannot occur in it


@register.filter
def event_words(event: CaseEvent) -> str:
    if event.kind in NOT_IN_LEDGER:
        return NOT_IN_LEDGER[event.kind].format_map(event.data)
    name = f"case.{event.kind}"
    return describe_action(name, event.data) if name in ACTIONS else event.kind.replace("_", " ")


@register.filter
def event_icon(kind: str) -> str:
    return EVENT_ICONS.get(kind, "circle-dot")
