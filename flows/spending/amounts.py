"""Write amounts of money as people read them."""

from decimal import Decimal

from django.conf import settings

SMALLEST = Decimal("0.000001")
CENTS, MOST_DIGITS = 2, 6


def format_number(amount: Decimal | float) -> str:
    """Return an amount with cents, or with two digits that say something: 12.50, 0.042, 0.0004."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    size = abs(exact)
    if size and size < SMALLEST:
        return f"under {SMALLEST:f}"
    # The power of ten of the first digit: -2 for 0.042.
    first = size.adjusted() if size else 0
    text = f"{exact:,.{min(MOST_DIGITS, max(CENTS, CENTS - 1 - first))}f}"
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits.rstrip('0'):0<{CENTS}}"


def format_amount(amount: Decimal | float) -> str:
    """Return an amount with the installation's currency: ``0.042 EUR``."""
    return f"{format_number(amount)} {settings.CURRENCY}"
