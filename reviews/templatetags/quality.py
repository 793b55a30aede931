"""``{% load quality %}``: shares and kappas."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviews.quality.figures import Share
from reviews.quality.statistics import Agreement, Interval
from workbench.shell.templatetags.shell import EMPTY

register = template.Library()

# Landis and Koch, "The measurement of observer agreement for categorical data", Biometrics 33
# (1977) 159-174. Their words are a convention, not a test.
KAPPA_WORDS = (
    (0.0, "poor"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"),
    (1.0, "almost perfect"),
)  # fmt: skip
FEW = 30


@register.simple_tag
def share(value: Share) -> SafeString:
    """``{% share figures.overrides %}``: percent, and its interval on hover."""
    if value.rate is None:
        return EMPTY
    span = value.interval
    assert span is not None
    return format_html(
        '<span class="num" title="{} of {}; 95 % interval {} to {} %">{} %</span>',
        f"{value.hits:,}",
        f"{value.count:,}",
        f"{span.low * 100:.0f}",
        f"{span.high * 100:.0f}",
        f"{value.rate * 100:.{0 if value.rate * 100 >= 10 else 1}f}",  # noqa: PLR2004
    )


@register.filter
def between(span: Interval | None) -> str:
    """Return an interval of shares as words: ``12 to 18 %``."""
    return "" if span is None else f"{span.low * 100:.0f} to {span.high * 100:.0f} %"


@register.filter
def percent(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value * 100:.0f} %"


@register.filter
def points(value: float | None) -> str:
    """Return a difference of shares in percentage points."""
    return "\N{EN DASH}" if value is None else f"{value * 100:.1f} points"


@register.filter
def kappa(found: Agreement | None) -> str:
    if found is None or found.kappa is None:
        return "\N{EN DASH}"
    return f"{found.kappa:.2f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def kappa_words(found: Agreement | None) -> str:
    """Return what a kappa means in words, or why there is none."""
    if found is None:
        return "nothing to compare yet"
    if found.kappa is None:
        return "all the same answer"
    word = next((word for top, word in KAPPA_WORDS if found.kappa <= top), KAPPA_WORDS[-1][1])
    few = ", few cases" if found.subjects < FEW else ""
    return f"{word} agreement{few}"


@register.filter
def kappa_span(found: Agreement | None) -> str:
    if found is None or found.interval is None:
        return ""
    return f"95 % interval {found.interval.low:.2f} to {found.interval.high:.2f}"


@register.simple_tag
def pair_count(pairs: dict[tuple[str, str], int], first: str, second: str) -> int:
    return pairs.get((first, second), 0)
