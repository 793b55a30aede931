"""The bars of costs by day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from flows.costs.charts import HEIGHT, LEFT, TOP, WIDTH, draw_days, round_up

DAY = date(2026, 3, 1)


@pytest.mark.parametrize("count", [1, 7, 30, 90, 366])
def test_every_day_has_a_bar_within_the_plot(count: int) -> None:
    chart = draw_days([(DAY + timedelta(days=n), Decimal(n)) for n in range(count)])
    assert len(chart.bars) == count
    assert len(chart.across) <= 7
    for bar in chart.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= LEFT + WIDTH + 0.1
        assert bar.y >= TOP
        assert bar.y + bar.height == pytest.approx(TOP + HEIGHT)


def test_a_bar_says_its_day_and_amount() -> None:
    [bar] = draw_days([(DAY, Decimal("0.042"))]).bars
    assert bar.text == "1 March 2026: 0.042 EUR"


def test_days_without_costs_are_drawn_flat() -> None:
    chart = draw_days([(DAY, Decimal(0))])
    assert [bar.height for bar in chart.bars] == [0]
    assert chart.up[-1].label == "1.00"


@pytest.mark.parametrize(
    ("largest", "top"), [("0.037", "0.04"), ("1", "1"), ("1.1", "2"), ("9", "10"), ("730", "800")]
)
def test_the_axis_ends_at_a_round_amount(largest: str, top: str) -> None:
    assert round_up(Decimal(largest)) == Decimal(top)
