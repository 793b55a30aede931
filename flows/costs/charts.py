"""Draw what was paid by day. Pure: amounts in, coordinates of the bars out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flows.spending.amounts import format_amount, format_number

# The plot's area inside its view box, in the box's own units.
LEFT, TOP, WIDTH, HEIGHT = 62.0, 10.0, 640.0, 150.0
MOST_LABELS = 7
LINES = 4
NARROWEST = 0.8


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """``height`` is 0 on a day without costs; ``text`` is its title."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    bars: Sequence[Bar]
    across: Sequence[Tick]
    up: Sequence[Tick]
    left: float = LEFT
    right: float = LEFT + WIDTH
    bottom: float = TOP + HEIGHT


def draw_days(amounts: Sequence[tuple[date, Decimal]]) -> Chart:
    """Draw a bar for each day, the highest tick at or above the largest."""
    top = round_up(max((amount for _, amount in amounts), default=Decimal(0)))
    slot = WIDTH / max(1, len(amounts))
    every = max(1, -(-len(amounts) // MOST_LABELS))
    bars = [
        _draw_bar(number * slot, slot, day, amount, top)
        for number, (day, amount) in enumerate(amounts)
    ]
    across = [
        Tick(round(LEFT + (number + 0.5) * slot, 1), f"{day:%-d %b}")
        for number, (day, _) in enumerate(amounts)
        if number % every == 0
    ]
    return Chart(bars, across, [_draw_tick(number, top) for number in range(LINES + 1)])


def _draw_bar(start: float, slot: float, day: date, amount: Decimal, top: Decimal) -> Bar:
    height = round(float(amount / top) * HEIGHT, 1)
    gap = min(slot * 0.2, 6)
    return Bar(
        round(LEFT + start + gap / 2, 2),
        round(TOP + HEIGHT - height, 1),
        round(max(slot - gap, NARROWEST), 2),
        height,
        f"{day:%-d %B %Y}: {format_amount(amount)}",
    )


def _draw_tick(number: int, top: Decimal) -> Tick:
    share = number / LINES
    return Tick(round(TOP + HEIGHT * (1 - share), 1), format_number(top * number / LINES))


def round_up(largest: Decimal) -> Decimal:
    """Return the next of 1, 2, 4, 6, 8 or 10 by a power of ten, so that a quarter reads well."""
    if largest <= 0:
        return Decimal(1)
    size = Decimal(1).scaleb(largest.adjusted())
    return next(size * step for step in (1, 2, 4, 6, 8, 10) if largest <= size * step)
