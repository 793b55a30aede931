"""Count what is paid without a run: by rehearsals, by tests of prompts, by tries of connections.

There is no attempt that it could be written once for, so that it stands in the sums alone: in those
of steps without the name of one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from flows.spending.counting import _add_to, _Sum, read_payments
from flows.spending.models import Charge, Payer, Spent, StepSpent

Json = Any


def count_without_run(
    provenances: Iterable[Mapping[str, Json] | None], *, now: datetime, flow: str = ""
) -> None:
    """Raise the sums of the connections, of the flow if there is one, and of everything.

    Call it once for each call, also a failed one. No statement where nothing was paid.
    """
    day = now.astimezone(UTC).date()
    sums: defaultdict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    without_step: defaultdict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    for payment in (each for made in provenances for each in read_payments(made)):
        charge = Charge(
            cost=payment.cost,
            input_tokens=payment.input_tokens,
            output_tokens=payment.output_tokens,
        )
        sums[Payer.CONNECTION.value, payment.connection, day].add(charge)
        sums[Payer.ALL.value, "", day].add(charge)
        if flow:
            sums[Payer.FLOW.value, flow, day].add(charge)
        without_step[day, flow, "", payment.connection].add(charge)
    if sums:
        with transaction.atomic():
            _add_to(Spent, ("payer", "name", "day"), sums)
            _add_to(StepSpent, ("day", "flow", "step", "connection"), without_step)
