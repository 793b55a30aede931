"""The histogram of a cutoff's values, as coordinates in an SVG. Pure.

The drawing is WIDTH by HEIGHT units. Bars are stacked: people's outcomes, then all other runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.lab.estimate import Band

WIDTH, HEIGHT, FLOOR = 960, 200, 198
# The tones of people's outcomes, the most frequent first; further ones share the last.
TONES = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    tone: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``low`` and ``high`` are the values at the left and right edge."""

    low: float
    high: float
    bars: Sequence[Bar]
    ticks: Sequence[tuple[float, str]]
    most: int

    def x_of(self, value: float) -> float:
        """Return where a value is, from left to right."""
        span = self.high - self.low or 1.0
        return round(max(0.0, min(1.0, (value - self.low) / span)) * WIDTH, 2)


def draw_histogram(bands: Sequence[Band], outcomes: Sequence[str]) -> Chart | None:
    """Return the chart of the bands; ``outcomes`` are people's, in the order of stacking."""
    if not bands:
        return None
    low, high = bands[0].start, bands[-1].end
    most = max(band.count for band in bands)
    width = WIDTH / len(bands)
    bars = [
        bar
        for place, band in enumerate(bands)
        for bar in _stack_bars(band, place, width, most, outcomes)
    ]
    ticks = [
        (round(WIDTH * part / 4, 2), f"{low + (high - low) * part / 4:.3g}") for part in range(5)
    ]
    return Chart(low, high, bars, ticks, most)


def _stack_bars(
    band: Band, place: int, width: float, most: int, outcomes: Sequence[str]
) -> list[Bar]:
    parts = [
        (TONES[min(index, len(TONES) - 1)], band.decided.get(outcome, 0), outcome)
        for index, outcome in enumerate(outcomes)
    ]
    parts.append(("rest", band.count - sum(count for _, count, _ in parts), "not by a person"))
    bars, top = [], float(FLOOR)
    for tone, count, words in parts:
        if count <= 0:
            continue
        height = count / most * (FLOOR - 8)
        top -= height
        label = f"{band.start:.4g} to {band.end:.4g}: {count} {words}"
        bars.append(
            Bar(round(place * width + 1, 2), round(top, 2), round(width - 2, 2), round(height, 2),
                tone, label)
        )  # fmt: skip
    return bars
