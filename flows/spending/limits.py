"""Refuse a call whose budget is spent."""

import threading
import time
from collections.abc import Collection, Sequence
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
    """Check that no budget forbids one more call. A query or two where a budget applies.

    What other calls under way will cost is not known, so they may take a budget past its amount.
    Raises: BudgetReached.
    """
    reached = find_reached(connection=connection, flow=flow, run_ids=[run_id], now=now)
    if run_id in reached:
        raise BudgetReached(*reached[run_id])


def find_reached(
    *, connection: str, flow: str, run_ids: Collection[int | None], now: datetime
) -> dict[int | None, tuple[Budget, Decimal]]:
    """Return a budget that forbids one more call, and what is spent of it, for each such run.

    It takes as many queries for many runs as for one.
    """
    reached: dict[int | None, tuple[Budget, Decimal]] = {}
    for budget in retry_while_away(known_budgets.list):
        if not _applies(budget, connection, flow):
            continue
        for run_id, spent in retry_while_away(sum_spent, budget, now, run_ids).items():
            if spent >= budget.amount:
                reached.setdefault(run_id, (budget, spent))
    return reached


def _applies(budget: Budget, connection: str, flow: str) -> bool:
    names = {Payer.ALL: "", Payer.CONNECTION: connection, Payer.FLOW: flow}
    return budget.name == names[Payer(budget.payer)]


def sum_spent(
    budget: Budget, now: datetime, run_ids: Collection[int | None]
) -> dict[int | None, Decimal]:
    """Return for each run what was spent of a budget in the period of ``now``.

    One query, two for the budget of each run.
    """
    if budget.period == Period.RUN:
        return _sum_of_runs(budget, run_ids)
    day = now.date()
    first = day if budget.period == Period.DAY else day.replace(day=1)
    rows = Spent.objects.filter(payer=budget.payer, name=budget.name, day__gte=first, day__lte=day)
    found: Decimal | None = rows.aggregate(cost=Sum("cost"))["cost"]
    return dict.fromkeys(run_ids, found or Decimal(0))


def _sum_of_runs(budget: Budget, run_ids: Collection[int | None]) -> dict[int | None, Decimal]:
    """Return what each run's whole chain has spent, with what it called and what called it."""
    known = {run_id for run_id in run_ids if run_id is not None}
    found = dict(Run.objects.filter(pk__in=known).values_list("pk", "root_id"))
    roots = {run_id: found.get(run_id) or run_id for run_id in known}
    which = Q(root_id__in=set(roots.values()))
    if budget.payer == Payer.CONNECTION:
        which &= Q(connection=budget.name)
    elif budget.payer == Payer.FLOW:
        which &= Q(flow=budget.name)
    charges = Charge.objects.filter(which).values("root_id").annotate(total=Sum("cost"))
    sums = {row["root_id"]: row["total"] for row in charges}
    return {
        run_id: Decimal(0) if run_id is None else sums.get(roots[run_id], Decimal(0))
        for run_id in run_ids
    }
