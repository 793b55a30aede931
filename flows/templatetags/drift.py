"""``{% load drift %}``: shares and figures of the pages of data."""

from django import template

register = template.Library()
NONE = "\N{EN DASH}"


@register.filter
def share(value: float | None) -> str:
    """``{{ row.missing|share }}``: 0.0123 is 1.2 %, what is less than a tenth of it is not 0."""
    if value is None:
        return NONE
    return "<0.1%" if 0 < value < 0.001 else f"{value:.1%}"  # noqa: PLR2004


@register.filter
def figure(value: float | None) -> str:
    """``{{ figure.mean|figure }}``: four digits, and thousands apart."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"  # noqa: PLR2004
