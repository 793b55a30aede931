"""What a run has cost, with what it called, and what a flow has cost of late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from flows.models import Run
from flows.spending.models import Charge, Payer, Spent

# Of each run the ones that its waits called, and so on.
CALLED = """
WITH RECURSIVE called(id) AS (
    SELECT CAST(%s AS bigint)
    UNION
    SELECT child.id FROM called
    JOIN flows_wait wait ON wait.run_id = called.id
    JOIN flows_run child ON child.parent_wait_id = wait.id
)
SELECT id FROM called
"""
FLOW_DAYS = 30


@dataclass(frozen=True, slots=True)
class ConnectionCost:
    """What was paid to one connection; ``own`` is the run's own part of ``cost``."""

    connection: str
    cost: Decimal
    own: Decimal
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class RunCost:
    """What a run and what it led to have paid."""

    connections: Sequence[ConnectionCost] = ()

    @property
    def cost(self) -> Decimal:
        return sum((each.cost for each in self.connections), Decimal(0))

    @property
    def own(self) -> Decimal:
        return sum((each.own for each in self.connections), Decimal(0))

    @property
    def calls(self) -> int:
        return sum(each.calls for each in self.connections)

    @property
    def tokens(self) -> int:
        return sum(each.tokens for each in self.connections)


def get_run_cost(run: Run) -> RunCost:
    """Return what a run has cost by connection: one query, two for one that was called.

    Of the first run of a chain all that came of it counts; of another what it called.
    """
    charges = Charge.objects.filter(root_id=run.root_id or run.pk)
    if run.root_id is not None:
        # Most chains pay nothing: then nobody needs to know what belongs to it.
        if not charges.exists():
            return RunCost()
        called = RawSQL(CALLED, [run.pk])  # noqa: S611 - a constant, and one parameter
        charges = charges.filter(run_id__in=called)
    rows = _sum_by_connection(charges, run.pk)
    return RunCost(
        [
            ConnectionCost(row["connection"], row["paid"], row["own"], row["calls"], row["tokens"])
            for row in rows
        ]
    )


def _sum_by_connection(charges: QuerySet[Charge], run_id: int) -> Any:
    sums = charges.values("connection").annotate(
        paid=Sum("cost"),
        own=Sum("cost", filter=Q(run_id=run_id), default=Decimal(0)),
        calls=Count("pk"),
        tokens=Sum("input_tokens") + Sum("output_tokens"),
    )
    return sums.order_by("-paid", "connection")


def get_flow_cost(flow: str, now: datetime) -> dict[str, Any]:
    """Return ``cost`` and ``calls`` of a flow's steps in the last FLOW_DAYS days: one query."""
    since = now.astimezone(UTC).date() - timedelta(days=FLOW_DAYS - 1)
    days = Spent.objects.filter(payer=Payer.FLOW, name=flow, day__gte=since)
    sums = days.aggregate(paid=Sum("cost"), made=Sum("calls"))
    return {"cost": sums["paid"] or Decimal(0), "calls": sums["made"] or 0, "days": FLOW_DAYS}
