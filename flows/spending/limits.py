"""Refuse a call whose budget is spent."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from flows.models import Run
from flows.spending.amounts import format_amount, format_number
from flows.spending.models import Budget, Charge, Payer, Period, Reached, Spent
from flows.steps.base import StepFailure
from workbench.dispatch.patience import retry_while_away

# How long a process may go on by budgets that were changed. Sums are read for each call.
STALE_SECONDS = 1.0


class BudgetReached(StepFailure):
    """The call was not made: a budget that it comes under is spent."""

    def __init__(self, budget: Budget, spent: Decimal) -> None:
        super().__init__(
            f"The budget of {format_amount(budget.amount)} a {budget.period} for "
            f"{describe_payer(budget)} is spent ({format_number(spent)}). Raise it, or wait for "
            f"the next {budget.period}.",
            kind="budget",
            retryable=False,
            detail={
                "budget": describe_payer(budget),
                "period": budget.period,
                "amount": float(budget.amount),
                "spent": float(spent),
            },
        )


class _KnownBudgets:
    """The budgets of the installation, as this process read them at most a second ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._budgets: Sequence[Budget] = ()
        self._until = 0.0

    def list(self) -> Sequence[Budget]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._budgets = tuple(Budget.objects.filter(when_reached=Reached.STOP))
                self._until = time.monotonic() + STALE_SECONDS
            return self._budgets

    def forget(self) -> None:
        self._until = 0.0


known_budgets = _KnownBudgets()


def describe_payer(budget: Budget) -> str:
    if budget.payer == Payer.ALL:
        return "all connections"
    return f"the {budget.payer} {budget.name}"


def check_budgets(*, connection: str, flow: str, run_id: int | None, now: datetime) -> None:
    """Check that no budget forbids one more call. One query where a budget applies, else none.

    What other calls under way will cost is not known, so they may take a budget past its amount.
    Raises: BudgetReached.
    """
    for budget in retry_while_away(known_budgets.list):
        if not _applies(budget, connection, flow):
            continue
        spent = retry_while_away(sum_spent, budget, now, run_id=run_id)
        if spent >= budget.amount:
            raise BudgetReached(budget, spent)


def _applies(budget: Budget, connection: str, flow: str) -> bool:
    names = {Payer.ALL: "", Payer.CONNECTION: connection, Payer.FLOW: flow}
    return budget.name == names[Payer(budget.payer)]


def sum_spent(budget: Budget, now: datetime, *, run_id: int | None = None) -> Decimal:
    """Return what was spent of a budget in the period of ``now``: one query, two for a run's."""
    if budget.period == Period.RUN:
        return _sum_of_run(budget, run_id) if run_id is not None else Decimal(0)
    day = now.date()
    first = day if budget.period == Period.DAY else day.replace(day=1)
    rows = Spent.objects.filter(payer=budget.payer, name=budget.name, day__gte=first, day__lte=day)
    found: Decimal | None = rows.aggregate(cost=Sum("cost"))["cost"]
    return found or Decimal(0)


def _sum_of_run(budget: Budget, run_id: int) -> Decimal:
    """Return what the run's whole chain has spent, with what it called and what called it."""
    root = Run.objects.filter(pk=run_id).values_list("root_id", flat=True).first() or run_id
    which = Q(root_id=root)
    if budget.payer == Payer.CONNECTION:
        which &= Q(connection=budget.name)
    elif budget.payer == Payer.FLOW:
        which &= Q(flow=budget.name)
    found: Decimal | None = Charge.objects.filter(which).aggregate(cost=Sum("cost"))["cost"]
    return found or Decimal(0)
