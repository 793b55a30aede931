"""Write amounts of money as people read them."""

from decimal import Decimal

from django.conf import settings

SMALLEST = Decimal("0.000001")
CENTS = 2


def format_number(amount: Decimal | float) -> str:
    """Return an amount with two digits that say something: 1,234.50, 0.042, 0.00037."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    size = abs(exact)
    if size and size < SMALLEST:
        return f"under {SMALLEST:f}"
    # The power of ten of the first digit: -2 for 0.042.
    first = size.adjusted() if size else 0
    return f"{exact:,.{min(6, max(CENTS, CENTS - 1 - first))}f}"


def format_amount(amount: Decimal | float) -> str:
    """Return an amount with the installation's currency: ``0.042 EUR``."""
    return f"{format_number(amount)} {settings.CURRENCY}"
