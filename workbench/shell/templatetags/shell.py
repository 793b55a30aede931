"""``{% load shell %}``: icons, states, times and numbers as every page shows them."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from workbench.shell.durations import ago_text, duration_text
from workbench.shell.editing import Edit
from workbench.shell.icons import render_icon
from workbench.shell.jsonview import render_json
from workbench.shell.statuses import look_of

register = template.Library()

EMPTY = SafeString('<span class="muted">\N{EN DASH}</span>')


@register.simple_tag
def icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """``{% icon "play" %}``. Give a label only if no word beside the icon says the same."""
    return render_icon(name, label, classes)


@register.simple_tag
def status(value: object, word: str = "") -> SafeString:
    """``{% status run.status %}``: icon, word and colour; ``word`` replaces the usual one."""
    key = str(value)
    look = look_of(key)
    return format_html(
        '<span class="status" data-tone="{}" data-status="{}">{}<span>{}</span></span>',
        look.tone,
        key,
        render_icon(look.icon),
        word or look.word,
    )


@register.simple_tag
def ago(when: datetime | None) -> SafeString:
    """``{% ago run.started_at %}``: relative time, absolute on hover, kept fresh by the page."""
    if when is None:
        return EMPTY
    local = timezone.localtime(when)
    return format_html(
        '<time class="ago" datetime="{}" title="{} {}">{}</time>',
        when.isoformat(),
        date_format(local, "j M Y, H:i:s"),
        local.tzname() or "",
        ago_text(when, timezone.now()),
    )


@register.simple_tag
def moment(when: datetime | None) -> SafeString:
    """``{% moment entry.at %}``: absolute time in the person's time zone, for records."""
    if when is None:
        return EMPTY
    local = timezone.localtime(when)
    return format_html(
        '<time class="moment" datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        local.tzname() or "",
        date_format(local, "j M Y, H:i:s"),
    )


@register.simple_tag
def duration(seconds: float | None) -> SafeString:
    """``{% duration run.seconds %}``: a span of time, such as 3 min 5 s."""
    if seconds is None:
        return EMPTY
    return format_html('<span class="num" title="{} s">{}</span>', seconds, duration_text(seconds))


@register.simple_tag
def number(value: float | None, places: int | None = None) -> SafeString:
    """``{% number count %}``, ``{% number score 3 %}``: grouped by thousands, tabular figures."""
    if value is None:
        return EMPTY
    shown = f"{value:.{places}f}" if places is not None else value
    return format_html('<span class="num">{}</span>', intcomma(shown))


@register.inclusion_tag("shell/_tabs.html", takes_context=True)
def place_tabs(context: dict[str, Any], here: str) -> dict[str, Any]:
    """``{% place_tabs "flows:costs" %}``: the pages that one may see of the place of that page."""
    for place in context["frame"].places:
        if any(tab.url_name == here for tab in place.tabs):
            return {"tabs": place.tabs, "here": here, "label": place.label}
    return {"tabs": []}


@register.simple_tag
def revision(edit: Edit[Any] | None) -> SafeString:
    """``{% revision edit %}`` in a form: the revision that it changes. Nothing for a new object."""
    return hidden_revision(edit.revision) if edit is not None else SafeString("")


@register.filter
def hidden_revision(text: str) -> SafeString:
    """``{{ row.revision|hidden_revision }}``: the same for one of several forms of a page."""
    return format_html('<input type="hidden" name="revision" value="{}">', text)


@register.filter
def json_text(value: Any) -> str:
    """Return a value as indented JSON, for a code view or a ``<template>`` that a script reads."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.simple_tag
def json_tree(value: Any) -> SafeString:
    """``{% json_tree value %}``: only for templates/shell/_json.html. Include that instead."""
    return render_json(value)


@register.filter
def initials(person: Any) -> str:
    """Return one or two letters for the avatar of a person."""
    name = getattr(person, "display_name", "") or getattr(person, "username", "") or str(person)
    words = name.replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.simple_block_tag
def listing(content: str, columns: str, label: str = "", labelled_by: str = "") -> SafeString:
    """``{% listing "Who|From|#Closed|-End it" labelled_by="x" %}`` rows ``{% endlisting %}``.

    A table whose rows become cards on a narrow screen. ``#`` marks a column of numbers, ``-`` one
    whose heading only screen readers get.
    """
    named = (
        format_html('aria-labelledby="{}"', labelled_by)
        if labelled_by
        else format_html('aria-label="{}"', label)
    )
    return format_html(
        '<div class="table-wrap" role="group" tabindex="0" {}><table class="table cards">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        named,
        format_html_join("", "{}", ((_heading(column),) for column in columns.split("|"))),
        mark_safe(content),  # noqa: S308 - rendered, and so escaped, by the template
    )


def _heading(column: str) -> SafeString:
    if column.startswith("#"):
        return format_html('<th scope="col" class="num">{}</th>', column[1:])
    if column.startswith("-"):
        return format_html('<th scope="col"><span class="sr-only">{}</span></th>', column[1:])
    return format_html('<th scope="col">{}</th>', column)
