"""Count what was paid for a call whose step went on without it, such as one in a shadow."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from flows.runtime.held import get_claim
from flows.spending.counting import Bill, count_bills, read_payments
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away

Json = Any


def count_late(flow: str, charges: Sequence[Mapping[str, Json]]) -> None:
    """Count the charges for the step that is being called here. Outside of a run there is none."""
    claim = get_claim()
    payments = read_payments({"charges": list(charges)})
    if claim is not None and payments:
        retry_while_away(_write, Bill(claim, flow, payments, agreed_time.now()))


@transaction.atomic
def _write(bill: Bill) -> None:
    count_bills([bill])
