"""Amounts are shown with two digits that say something."""

from decimal import Decimal

import pytest

from flows.spending.amounts import format_amount, format_number


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("1234567.891", "1,234,567.89"),
        ("12.5", "12.50"),
        ("1", "1.00"),
        ("0.5", "0.50"),
        ("0.042", "0.042"),
        ("0.05", "0.05"),
        ("0.0996", "0.10"),
        ("0.004", "0.004"),
        ("0.0424", "0.042"),
        ("0.00037", "0.00037"),
        ("0.000012", "0.000012"),
        ("0.000001", "0.000001"),
        ("0.0000004", "under 0.000001"),
        ("-0.042", "-0.042"),
    ],
)
def test_an_amount_keeps_the_digits_that_say_something(amount: str, shown: str) -> None:
    assert format_number(Decimal(amount)) == shown


def test_an_amount_has_the_currency_of_the_installation(settings: object) -> None:
    settings.CURRENCY = "CHF"  # type: ignore[attr-defined]
    assert format_amount(0.25) == "0.25 CHF"
