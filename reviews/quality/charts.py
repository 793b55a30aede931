"""Where the marks of the quality page's charts stand. Pure: figures in, coordinates out.

The templates draw them as SVG; each chart has its numbers in a table beside it.
"""

from collections.abc import Sequence
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
    """A mark at (x, y); the whisker goes from ``low`` to ``high``. ``text`` says it in words."""

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
    """The axes: ``across`` and ``up`` are the ticks, ``path`` joins the points."""

    across: Sequence[Tick]
    up: Sequence[Tick]
    points: Sequence[Point] = ()
    path: str = ""
    left: float = LEFT
    top: float = TOP
    right: float = LEFT + WIDTH
    bottom: float = TOP + HEIGHT


def across(share: float) -> float:
    return round(LEFT + share * WIDTH, 1)


def up(share: float) -> float:
    return round(TOP + (1 - share) * HEIGHT, 1)


def percent_ticks(place: object) -> list[Tick]:
    at = across if place == "across" else up
    return [Tick(at(share), f"{share * 100:.0f}") for share in TICKS]


def reliability(bands: Sequence[Band]) -> Frame:
    """Draw how often the reviewer agreed against how sure the model was."""
    most = max((band.count for band in bands), default=1)
    points = []
    for band in bands:
        span = wilson(band.hits, band.count)
        assert span is not None
        size = (band.count / most) ** 0.5
        points.append(
            Point(
                across(band.confidence),
                up(band.rate),
                up(span.low),
                up(span.high),
                round(SMALLEST_RADIUS + size * (LARGEST_RADIUS - SMALLEST_RADIUS), 1),
                f"Confidence {band.confidence:.0%}: agreed {band.rate:.0%} of {band.count:,}",
            )
        )
    return Frame(percent_ticks("across"), percent_ticks("up"), points, path_of(points))


@dataclass(frozen=True, slots=True)
class Moment:
    """One place on a time axis: a share with its counts. ``label`` is short: ``2 Mar``."""

    label: str
    hits: int
    count: int


MOST_LABELS = 8


def over_time(moments: Sequence[Moment]) -> Frame:
    """Draw a share by week, with Wilson's interval; weeks without data are left out."""
    known = [moment for moment in moments if moment.count]
    step = 1 / max(1, len(known) - 1)
    every = max(1, -(-len(known) // MOST_LABELS))
    points, ticks = [], []
    for number, moment in enumerate(known):
        span = wilson(moment.hits, moment.count)
        assert span is not None
        rate = moment.hits / moment.count
        x = across(number * step if len(known) > 1 else 0.5)
        text = f"{moment.label}: {rate:.0%} of {moment.count:,}"
        points.append(Point(x, up(rate), up(span.low), up(span.high), SMALLEST_RADIUS, text))
        if number % every == 0:
            ticks.append(Tick(x, moment.label))
    return Frame(ticks, percent_ticks("up"), points, path_of(points))


def path_of(points: Sequence[Point]) -> str:
    return " ".join(f"{'L' if n else 'M'}{p.x} {p.y}" for n, p in enumerate(points))


SPARK_WIDTH, SPARK_HEIGHT = 160.0, 36.0


def spark(histogram: Sequence[int]) -> list[Bar]:
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
