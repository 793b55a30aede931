"""How many runs are in each state."""

from typing import Any

from django.db import connection

from flows.models import RunStatus, Wait, WaitState
from flows.selectors.flows import within_reach
from flows.selectors.run_filters import PERSON_WAITS, WAITING, RunFilters
from workbench.accounts.permissions import Reach

# A count stops here; the page then shows "1,000+".
COUNT_CAP = 1_000


def count_runs(filters: RunFilters, *, within: Reach) -> dict[str, int]:
    """Return how many runs are in each state, each count stopping just past COUNT_CAP: two queries.

    Filters other than flow are not applied: the counts say what is there, not what is shown.
    """
    scope, arguments = _count_scope(filters, within)
    parts = [
        f"SELECT '{status}' AS state, count(*) FROM (SELECT 1 FROM flows_run r {scope} "  # noqa: S608
        f"r.status = '{status}' LIMIT {COUNT_CAP + 1}) counted_{status}"
        for status in RunStatus.values
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), arguments * len(parts))
        counts = dict(cursor.fetchall())
    waiting = _count_waiting(filters, within)
    # A count at the cap means "or more": nothing may be subtracted from it.
    if counts[RunStatus.RUNNING] <= COUNT_CAP:
        counts[RunStatus.RUNNING] = max(0, counts[RunStatus.RUNNING] - waiting)
    return counts | {WAITING: waiting}


def _count_scope(filters: RunFilters, within: Reach) -> tuple[str, list[Any]]:
    if filters.flow:
        names = [filters.flow] if within.covers(filters.flow, None) else []
    elif within.everywhere:
        return "WHERE", []
    else:
        names = sorted(flow for flow, _ in within.scopes if flow)
    holes = ", ".join("%s" for _ in names) or "NULL"
    known = f"SELECT id FROM flows_flow WHERE name IN ({holes})"  # noqa: S608
    return f"WHERE r.flow_id IN ({known}) AND", names


def _count_waiting(filters: RunFilters, within: Reach) -> int:
    waits = Wait.objects.filter(
        within_reach(within, "run__flow__"), state=WaitState.OPEN, kind__in=PERSON_WAITS
    )
    if filters.flow:
        waits = waits.filter(run__flow__name=filters.flow)
    waits = waits.filter(run__status=RunStatus.RUNNING)
    return waits.values("run").distinct()[: COUNT_CAP + 1].count()
