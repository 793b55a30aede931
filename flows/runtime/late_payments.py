"""Count what was paid for a call whose step went on without it, such as one in a shadow.

A step that is past its time limit is such a call too: its code runs on in a thread.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from flows.runtime.held import get_claim
from flows.runtime.unanswered import take_back
from flows.spending.counting import Bill, count_bills, read_payments
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away

Json = Any
# No model has such a name.
TIMED_OUT = "(timeout)"


def count_late(flow: str, charges: Sequence[Mapping[str, Json]], late_of: str) -> None:
    """Count the charges for the step that is being called here. Outside of a run there is none.

    ``late_of`` names the call; see ``Charge``.
    """
    claim = get_claim()
    if claim is not None:
        count_late_for(claim, flow, {"charges": list(charges)}, late_of)


def count_late_for(
    claim: Claim, flow: str, provenance: Mapping[str, Json] | None, late_of: str = TIMED_OUT
) -> None:
    payments = read_payments(provenance)
    if payments:
        retry_while_away(_write, Bill(claim, flow, payments, agreed_time.now(), late_of))


@transaction.atomic
def _write(bill: Bill) -> None:
    count_bills([bill])
    take_back(bill.claim, [payment.connection for payment in bill.payments])
