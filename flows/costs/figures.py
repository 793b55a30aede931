"""What calls of models have cost: by day, connection, flow and step, and by how runs ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)

from flows.costs.periods import Period
from flows.models import Flow, Run
from flows.spending.models import Charge, StepSpent, Unanswered
from workbench.accounts.permissions import Reach

# So many rows of a table at most: by the order that was asked for.
MOST_ROWS = 500
# Costs by outcome are those of the runs of the newest so many payments of the period.
MOST_CHARGES = 20_000
SUMS = ("cost", "calls", "input_tokens", "output_tokens")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "days": ("day",),
    "connections": ("connection",),
    "flows": ("flow",),
    "steps": ("flow", "step"),
}
# Rows of what tests and trials have paid stand apart from those of runs.
WITHOUT_RUN = "without_run"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{name: (*keys, WITHOUT_RUN, *SUMS) for name, keys in GROUPS.items()},
    "outcomes": ("flow", "outcome", "runs", "mean", "cost"),
}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """By which column of its table rows are sorted. Equal ones are in the order of their names."""

    column: str = "cost"
    descending: bool = True

    @classmethod
    def read(cls, table: str, text: str) -> "Order":
        """Return the order that ``-cost`` or ``flow`` asks for; the usual one for anything else."""
        column = text.removeprefix("-")
        return cls(column, text.startswith("-")) if column in COLUMNS[table] else cls()

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


BY_DAY = Order("day", descending=False)


@dataclass(frozen=True, slots=True)
class Total:
    cost: Decimal
    calls: int
    input_tokens: int
    output_tokens: int

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def within(found: Reach, flow: str = "flow") -> Q:
    """Return the condition for what flows have paid that a reach includes as a whole."""
    if found.everywhere:
        return Q()
    return Q(**{f"{flow}__in": [name for name, queue in found.scopes if name and not queue]})


def _spent(period: Period, found: Reach) -> QuerySet[StepSpent]:
    days = StepSpent.objects.filter(day__gte=period.first, day__lte=period.last)
    return days.filter(within(found))


def sum_all(period: Period, found: Reach) -> Total:
    """Return what all flows of the reach have paid, with or without a run. One query."""
    row = _spent(period, found).aggregate(**{name: Sum(name) for name in SUMS})
    return Total(
        row["cost"] or Decimal(0),
        row["calls"] or 0,
        row["input_tokens"] or 0,
        row["output_tokens"] or 0,
    )


def count_unanswered(period: Period, found: Reach) -> int:
    """Return how many calls were given up before it was known what they cost. One query."""
    given_up = Unanswered.objects.filter(at__gte=period.starts_at, at__lt=period.ends_at)
    return given_up.filter(within(found)).count()


def list_sums(table: str, period: Period, found: Reach, order: Order) -> list[Row]:
    """Return the rows of a table of GROUPS, at most MOST_ROWS. One query."""
    keys = (*GROUPS[table], WITHOUT_RUN)
    # Named apart: a sum must not be taken for its column.
    sums = {f"sum_of_{name}": Sum(name) for name in SUMS}
    column = order.column if order.column in keys else f"sum_of_{order.column}"
    is_without = ExpressionWrapper(Q(step=""), BooleanField())
    rows = _spent(period, found).annotate(without_run=is_without).values(*keys).annotate(**sums)
    rows = rows.order_by(f"{'-' if order.descending else ''}{column}", *keys)
    return [
        {**{key: row[key] for key in keys}, **{name: row[f"sum_of_{name}"] for name in SUMS}}
        for row in rows[:MOST_ROWS]
    ]


def fill_days(rows: Sequence[Row], period: Period) -> list[tuple[date, Decimal]]:
    """Return each day of the period with what was paid on it."""
    paid: dict[date, Decimal] = {}
    for row in rows:
        paid[row["day"]] = paid.get(row["day"], Decimal(0)) + row["cost"]
    return [(day, paid.get(day, Decimal(0))) for day in period.days]


def list_outcomes(period: Period, found: Reach, order: Order) -> list[Row]:
    """Return what ended runs have cost by flow and outcome, at most MOST_ROWS. One query.

    They are first runs of their chains that paid within the period, each with all that it and what
    it led to has paid. Where there were more than MOST_CHARGES payments the newest are looked at.
    """
    paid = Charge.objects.filter(at__gte=period.starts_at, at__lt=period.ends_at)
    newest = paid.order_by("-at").values("root_id")[:MOST_CHARGES]
    all_of_it = Charge.objects.filter(root_id=OuterRef("pk")).order_by().values("root_id")
    runs = (
        Run.objects.filter(within(found, "flow__name"), pk__in=newest, finished_at__isnull=False)
        .annotate(paid=Subquery(all_of_it.annotate(paid=Sum("cost")).values("paid")))
        .values("flow__name", "status", "outcome")
        .annotate(runs=Count("pk"), cost=Sum("paid"))
        .order_by("flow__name", "outcome", "status")
    )
    rows = [_describe_outcome(row) for row in runs]
    return sorted(rows, key=lambda row: row[order.column], reverse=order.descending)[:MOST_ROWS]


def _describe_outcome(row: Mapping[str, Any]) -> Row:
    return {
        "flow": row["flow__name"],
        "outcome": row["outcome"] or row["status"],
        "runs": row["runs"],
        "mean": row["cost"] / row["runs"],
        "cost": row["cost"],
    }


def list_titles(names: Sequence[str]) -> dict[str, str]:
    """Return the titles of flows by their names: one query."""
    return dict(Flow.objects.filter(name__in=names).values_list("name", "title"))
