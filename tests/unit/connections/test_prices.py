"""What a call costs: by call, by second, by 1,000 tokens of input and output."""

from decimal import Decimal
from typing import Any

import pytest

from flows.connections.models import Connection
from flows.connections.prices import compute_cost


def cost(seconds: str, given: int | None, made: int | None, **prices: Any) -> float | None:
    row = Connection(**{f"price_{name}": Decimal(price) for name, price in prices.items()})
    return compute_cost(row, Decimal(seconds), given, made)


def test_the_price_is_that_of_call_seconds_and_tokens_together() -> None:
    prices = {"call": "0.01", "second": "0.002", "input": "0.5", "output": "1.5"}
    assert cost("2.5", 2000, 100, **prices) == 1.165


def test_tokens_that_the_reply_does_not_state_cost_nothing() -> None:
    assert cost("1", None, None, call="0.01", input="5", output="5") == 0.01


def test_a_connection_without_prices_states_no_cost() -> None:
    assert cost("1", 10, 10) is None


def test_sums_of_many_calls_have_no_noise() -> None:
    one = cost("0.333333333333", 1, 1, second="0.000001", input="0.000001")
    assert one == 0.0
    assert cost("0.1", 3, 0, input="0.1") == 0.0003
    assert f"{cost('0.1', 1, 0, call='0.1', second='0.2')}" == "0.12"


@pytest.mark.parametrize("price", ["0.000001", "999999.999999"])
def test_the_smallest_and_the_largest_price_are_kept(price: str) -> None:
    assert cost("0", 0, 0, call=price) == float(price)
