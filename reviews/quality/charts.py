"""Draw the charts of the quality page. Pure: figures in, coordinates of the marks out.

The templates draw them as SVG; each chart has its numbers in a table beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reviews.quality.statistics import Band, wilson

# The plot's area inside its view box, in the box's own units.
LEFT, TOP, WIDTH, HEIGHT = 40.0, 12.0, 420.0, 220.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
SMALLEST_RADIUS, LARGEST_RADIUS = 3.0, 9.0


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A mark at (x, y) with a whisker from ``low`` to ``high``; ``text`` is its title."""

    x: float
    y: float
    low: float
    high: float
    radius: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart: ``across`` and ``up`` are the ticks of its axes, ``path`` joins the points."""

    across: Sequence[Tick]
    up: Sequence[Tick]
    points: Sequence[Point] = ()
    path: str = ""
    left: float = LEFT
    top: float = TOP
    right: float = LEFT + WIDTH
    bottom: float = TOP + HEIGHT


def x_of(share: float) -> float:
    return round(LEFT + share * WIDTH, 1)


def y_of(share: float) -> float:
    return round(TOP + (1 - share) * HEIGHT, 1)


def _percent_ticks(place: Callable[[float], float]) -> list[Tick]:
    return [Tick(place(share), f"{share * 100:.0f}") for share in TICKS]


def draw_reliability(bands: Sequence[Band]) -> Frame:
    """Draw how often the reviewer agreed against how sure the model was."""
    most = max((band.count for band in bands), default=1)
    points = []
    for band in bands:
        span = wilson(band.hits, band.count)
        assert span is not None
        size = (band.count / most) ** 0.5
        points.append(
            Point(
                x_of(band.confidence),
                y_of(band.rate),
                y_of(span.low),
                y_of(span.high),
                round(SMALLEST_RADIUS + size * (LARGEST_RADIUS - SMALLEST_RADIUS), 1),
                f"Confidence {band.confidence:.0%}: agreed {band.rate:.0%} of {band.count:,}",
            )
        )
    return Frame(_percent_ticks(x_of), _percent_ticks(y_of), points, _join_points(points))


@dataclass(frozen=True, slots=True)
class Moment:
    """A share at one place on a time axis. ``label`` is short, such as ``2 Mar``."""

    label: str
    hits: int
    count: int


MOST_LABELS = 8


def draw_over_time(moments: Sequence[Moment]) -> Frame:
    """Draw a share by week, with Wilson's interval; weeks without data are left out."""
    known = [moment for moment in moments if moment.count]
    step = 1 / max(1, len(known) - 1)
    every = max(1, -(-len(known) // MOST_LABELS))
    points, ticks = [], []
    for number, moment in enumerate(known):
        span = wilson(moment.hits, moment.count)
        assert span is not None
        rate = moment.hits / moment.count
        x = x_of(number * step if len(known) > 1 else 0.5)
        text = f"{moment.label}: {rate:.0%} of {moment.count:,}"
        points.append(Point(x, y_of(rate), y_of(span.low), y_of(span.high), SMALLEST_RADIUS, text))
        if number % every == 0:
            ticks.append(Tick(x, moment.label))
    return Frame(ticks, _percent_ticks(y_of), points, _join_points(points))


def _join_points(points: Sequence[Point]) -> str:
    return " ".join(f"{'L' if n else 'M'}{p.x} {p.y}" for n, p in enumerate(points))


SPARK_WIDTH, SPARK_HEIGHT = 160.0, 36.0


def draw_histogram(histogram: Sequence[int]) -> list[Bar]:
    """Draw a histogram of confidences as small bars, the largest at full height."""
    most = max(histogram, default=0) or 1
    total = sum(histogram) or 1
    width = SPARK_WIDTH / max(1, len(histogram))
    return [
        Bar(
            round(number * width + 0.5, 1),
            round(SPARK_HEIGHT * (1 - count / most), 1),
            round(width - 1, 1),
            round(SPARK_HEIGHT * count / most, 1),
            f"{number * 10} to {number * 10 + 10} %: {count / total:.0%}",
        )
        for number, count in enumerate(histogram)
    ]
