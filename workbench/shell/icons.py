"""Render icons as inline SVG, from the vendored set."""

import json
from functools import cache

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# A step type of a later release may name an icon that this one does not have.
FALLBACK = "box"


@cache
def icon_markup() -> dict[str, str]:
    """Return what stands inside the svg element of each icon, by name."""
    path = settings.BASE_DIR / "static" / "vendor" / "lucide" / "icons.json"
    icons: dict[str, str] = json.loads(path.read_text())
    return icons


def render_icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """Return an svg element, hidden from screen readers unless it has a label."""
    icons = icon_markup()
    inner = mark_safe(icons.get(name) or icons[FALLBACK])  # noqa: S308 - our own vendored file
    hidden = SafeString(' aria-hidden="true"')
    named = format_html(' role="img" aria-label="{}"', label) if label else hidden
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24"{}>{}</svg>',
        f" {classes}" if classes else "",
        named,
        inner,
    )
