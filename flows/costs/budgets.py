"""Budgets: what people set of one, and how much of it is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from django.db.models import Q, Sum
from pydantic import Field

from flows.connections.models import Connection
from flows.models import Flow
from flows.spending.limits import describe_payer
from flows.spending.models import Budget, Payer, Period, Reached, Spent
from workbench.http.revisions import digest
from workbench.http.schemas import Strict

Json = Any
# What stands for the empty name of Payer.ALL in addresses and on the command line.
NO_NAME = "-"
DIGITS = 6
LARGEST = 1_000_000_000


class BudgetSettings(Strict):
    amount: float = Field(
        gt=0, lt=LARGEST, description="In the installation's currency.", examples=[50]
    )
    warn_at: float = Field(
        default=0.8, gt=0, le=1, description="From which share of it on it is nearly spent."
    )
    when_reached: Literal["stop", "warn"] = Field(
        default="stop",
        description="`stop` refuses further calls by port `budget`; `warn` only says so.",
    )


@dataclass(frozen=True, slots=True)
class BudgetKey:
    """What a budget is for. ``name`` is that of a connection or flow, and empty for everything."""

    payer: str
    name: str
    period: str

    @classmethod
    def of(cls, budget: Budget) -> "BudgetKey":
        return cls(budget.payer, budget.name, budget.period)

    @classmethod
    def read(cls, payer: str, name: str, period: str) -> "BudgetKey":
        """Return the key that an address or a command names; of Payer.ALL it names none."""
        is_without = payer == Payer.ALL and name == NO_NAME
        return cls(payer, "" if is_without else name, period)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Its parts as an address writes them."""
        return self.payer, self.name or NO_NAME, self.period

    def find_problem(self) -> tuple[str, str] | None:
        """Return the field that does not hold and what to write instead. One query at most."""
        if self.payer not in Payer.values:
            return "payer", f"Use one of {', '.join(Payer.values)}."
        if self.period not in Period.values:
            return "period", f"Use one of {', '.join(Period.values)}."
        if self.payer == Payer.ALL:
            return ("name", "Leave it out: this is for everything.") if self.name else None
        rows = Connection.objects if self.payer == Payer.CONNECTION else Flow.objects
        if rows.filter(name=self.name).exists():
            return None
        listed = "connections" if self.payer == Payer.CONNECTION else "flows"
        return "name", (
            f"There is no {self.payer} {self.name!r}. Use the name of one in the list of {listed}."
        )


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How much of a budget is spent in its period of now.

    ``state`` is ``ok``, ``near`` (from ``warn_at`` on) or ``reached``. A budget for each run is
    spent by each on its own: then ``spent`` is None.
    """

    budget: Budget
    spent: Decimal | None

    @property
    def share(self) -> float | None:
        return None if self.spent is None else float(self.spent / self.budget.amount)

    @property
    def state(self) -> str:
        if self.spent is None:
            return "ok"
        if self.spent >= self.budget.amount:
            return "reached"
        return "near" if float(self.spent / self.budget.amount) >= self.budget.warn_at else "ok"

    @property
    def whose(self) -> str:
        return describe_payer(self.budget)

    @property
    def parts(self) -> tuple[str, str, str]:
        return BudgetKey.of(self.budget).parts

    @property
    def meter(self) -> float:
        """The share that a meter shows, which is full when the budget is."""
        return min(1.0, self.share or 0.0)


def find_budget(key: BudgetKey) -> Budget | None:
    return Budget.objects.filter(payer=key.payer, name=key.name, period=key.period).first()


def list_states(now: datetime) -> list[BudgetState]:
    """Return every budget with what is spent of it: two queries, one without budgets."""
    return describe_budgets(Budget.objects.order_by("payer", "name", "period"), now)


def describe_budgets(budgets: Any, now: datetime) -> list[BudgetState]:
    """Return what is spent of these budgets: one query, two if they must be read."""
    found: Sequence[Budget] = list(budgets)
    if not found:
        return []
    today = now.astimezone(UTC).date()
    this_month = Spent.objects.filter(day__gte=today.replace(day=1), day__lte=today)
    sums = {
        (row["payer"], row["name"]): row
        for row in this_month.values("payer", "name")
        .filter(_named(found))
        .annotate(month=Sum("cost"), today=Sum("cost", filter=Q(day=today)))
    }
    return [
        BudgetState(each, _spent_of(each, sums.get((each.payer, each.name), {}))) for each in found
    ]


def _named(budgets: Sequence[Budget]) -> Q:
    return Q(name__in={each.name for each in budgets})


def _spent_of(budget: Budget, sums: Mapping[str, Json]) -> Decimal | None:
    if budget.period == Period.RUN:
        return None
    return sums.get("month" if budget.period == Period.MONTH else "today") or Decimal(0)


def settings_of(budget: Budget) -> dict[str, Json]:
    """Return what is set of a budget as it is written over HTTP."""
    return {
        "amount": float(budget.amount),
        "warn_at": budget.warn_at,
        "when_reached": str(budget.when_reached),
    }


def compute_digest(budget: Budget) -> str:
    return digest(settings_of(budget))


def write_to_row(budget: Budget, settings: BudgetSettings) -> None:
    """Put settings into a row, which is not saved."""
    budget.amount = round(Decimal(str(settings.amount)), DIGITS)
    budget.warn_at, budget.when_reached = settings.warn_at, Reached(settings.when_reached)
