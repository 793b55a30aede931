"""What a call costs, by the prices of its connection."""

from decimal import Decimal

from flows.connections.models import Connection

TOKENS_PRICED = 1000
# Sums of many calls would show the noise of further digits.
DIGITS = 6


def compute_cost(
    row: Connection, seconds: Decimal, input_tokens: int | None, output_tokens: int | None
) -> float | None:
    """Return the price of a call in the installation's currency; None where none is stated.

    Tokens are those that the reply states; where it states none, they cost nothing.
    """
    prices = (row.price_call, row.price_second, row.price_input, row.price_output)
    if not any(prices):
        return None
    amounts = (Decimal(1), seconds, _thousands(input_tokens), _thousands(output_tokens))
    total = sum((Decimal(p) * amount for p, amount in zip(prices, amounts, strict=True)), Decimal())
    return float(round(total, DIGITS))


def _thousands(tokens: int | None) -> Decimal:
    return Decimal(tokens or 0) / TOKENS_PRICED
