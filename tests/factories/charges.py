"""Payments to connections, counted as a worker counts them."""

from datetime import datetime
from decimal import Decimal
from itertools import count

from django.utils import timezone

from flows.models import Run
from flows.spending.counting import Bill, Payment, count_bills
from flows.store.rows import Claim

_tokens = count(1)


def pay(
    run: Run,
    cost: str = "1",
    *,
    connection: str = "risk",
    step: str = "fee",
    at: datetime | None = None,
    tokens: tuple[int, int] = (0, 0),
) -> None:
    """Have a step of the run pay, now or at ``at``."""
    at = at or timezone.now()
    claim = Claim(
        token_id=next(_tokens), run_id=run.pk, version_id=run.version_id, step=step, fence=1,
        activation=1, attempt=1, priority=100, visits={}, since=at, run_started_at=at, input={},
    )  # fmt: skip
    payment = Payment(connection, Decimal(cost), *tokens)
    count_bills([Bill(claim, run.flow.name, [payment], at)])
