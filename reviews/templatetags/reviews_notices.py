"""``{% load reviews_notices %}``: the words, icon and tone of a notice."""

from django import template

from reviews.models.notices import Notice

register = template.Library()
WORDS = {
    "warned": "Due soon",
    "reminder": "Due soon and not decided",
    "escalated": "Escalated: it needs someone with more authority",
    "breached": "Past its due time",
    "mentioned": "{by} mentioned you",
    "answered": "{by} answered what was asked",
    "assigned": "{by} gave you this case",
    "delegated": "{by} delegated this case to you",
    "covered": "{by} is away and you cover",
}
LOOKS = {
    "warned": ("clock-alert", "waiting"),
    "reminder": ("bell", "waiting"),
    "escalated": ("chevrons-up", "bad"),
    "breached": ("timer-off", "bad"),
    "mentioned": ("message-square", "active"),
    "answered": ("mail-check", "good"),
    "assigned": ("user-plus", "active"),
    "delegated": ("user-plus", "active"),
    "covered": ("user-plus", "active"),
    "budget": ("coins", "waiting"),
    "drift": ("chart-line", "waiting"),
}


@register.filter
def notice_words(notice: Notice) -> str:
    return WORDS.get(notice.kind, notice.get_kind_display()).format(by=notice.by or "Someone")


@register.filter
def notice_icon(notice: Notice) -> str:
    return LOOKS.get(notice.kind, ("bell", "idle"))[0]


@register.filter
def notice_tone(notice: Notice) -> str:
    return LOOKS.get(notice.kind, ("bell", "idle"))[1]
