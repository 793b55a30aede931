"""Draw a field's figure by day. Pure: values in, coordinates of the bars out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

# The plot's area inside its view box, in the box's own units.
LEFT, TOP, WIDTH, HEIGHT = 40.0, 12.0, 660.0, 130.0
MOST_LABELS = 7
NARROWEST = 0.8
# A value above the scale is cut off there; its title has the value.
SCALE_OF_LIMIT = 2.5


@dataclass(frozen=True, slots=True)
class Point:
    """A day's value, None where there is none, and the text of its title."""

    day: date
    value: float | None
    is_breach: bool
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    middle: float
    is_breach: bool
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``limit_at`` is the height of the limit's line; None draws none."""

    bars: Sequence[Bar]
    across: Sequence[tuple[float, str]]
    top_label: str
    limit_at: float | None
    limit_label: str
    left: float = LEFT
    right: float = LEFT + WIDTH
    top: float = TOP
    bottom: float = TOP + HEIGHT


def draw_days(points: Sequence[Point], limit: float | None) -> Chart:
    """Draw a bar for each day that has a value; the scale shows the limit and somewhat more."""
    largest = max((point.value for point in points if point.value is not None), default=0.0)
    scale = min(max(largest, limit * 1.2), limit * SCALE_OF_LIMIT) if limit else largest or 0.01
    slot = WIDTH / max(1, len(points))
    every = max(1, -(-len(points) // MOST_LABELS))
    bars = [
        _draw_bar(number * slot, slot, point, scale)
        for number, point in enumerate(points)
        if point.value is not None
    ]
    across = [
        (round(LEFT + (number + 0.5) * slot, 1), f"{point.day:%-d %b}")
        for number, point in enumerate(points)
        if number % every == 0
    ]
    return Chart(
        bars, across, f"{scale:.2g}" if limit else f"{scale:.1%}",
        round(TOP + HEIGHT * (1 - limit / scale), 1) if limit else None,
        f"{limit:.2g}" if limit else "",
    )  # fmt: skip


def _draw_bar(start: float, slot: float, point: Point, scale: float) -> Bar:
    height = round(min(1.0, (point.value or 0.0) / scale) * HEIGHT, 1)
    gap = min(slot * 0.2, 6)
    return Bar(
        round(LEFT + start + gap / 2, 2),
        round(TOP + HEIGHT - height, 1),
        round(max(slot - gap, NARROWEST), 2),
        height,
        round(LEFT + start + slot / 2, 2),
        point.is_breach,
        point.text,
    )
