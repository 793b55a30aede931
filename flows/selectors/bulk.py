"""Acts on many runs: how far they are, and the runs that one applies to, chunk by chunk."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from flows.models import BulkAct, Run, RunStatus
from flows.selectors.run_filters import RunFilters, filter_runs, input_condition, parse_run_id
from flows.selectors.run_search import get_id_range, search_windows
from workbench.accounts.permissions import Reach
from workbench.search.functions import JsonText

# An act on many says "10,000 or more" past this, and does them all.
MOST_COUNTED = 10_000
IDS_A_LOOK = 20_000


def list_bulk_acts(within: Reach) -> QuerySet[BulkAct]:
    """Return the acts on flows within reach, newest first: one query.

    One that is not limited to a flow is shown only to those who may operate all flows.
    """
    acts = BulkAct.objects.order_by("-pk")
    if within.everywhere:
        return acts
    return acts.filter(filters__flow__in=[flow for flow, _ in within.scopes if flow])


def get_bulk_act(bulk_id: int, within: Reach) -> BulkAct:
    """Return one act: one query. Raises: BulkAct.DoesNotExist."""
    return list_bulk_acts(within).get(pk=bulk_id)


# --- The runs it applies to -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """Ascending ids of runs. Every run up to ``looked_to`` was looked at."""

    ids: Sequence[int]
    looked_to: int


def count_matching_runs(
    filters: RunFilters, within: Reach, statuses: Collection[str]
) -> tuple[int, bool]:
    """Return how many runs in these statuses match, up to MOST_COUNTED, and whether that is all.

    Filters that no index serves are counted among the newest runs, for a moment.
    """
    runs = _filter_by_status(filters, within, statuses)
    low, high = get_id_range(filters, None)
    if filters.indexed_only:
        counted = runs.filter(pk__gt=low, pk__lt=high)[: MOST_COUNTED + 1].count()
        return min(counted, MOST_COUNTED), counted <= MOST_COUNTED
    found, searched_to = search_windows(_ids_only(runs), low, high, MOST_COUNTED + 1)
    counted = len(found)
    return min(counted, MOST_COUNTED), searched_to is None and counted <= MOST_COUNTED


def get_next_chunk(
    filters: RunFilters,
    within: Reach,
    statuses: Collection[str],
    *,
    after: int,
    up_to: int,
    limit: int,
) -> Chunk:
    """Return the next runs that match, oldest first: at most ``limit``, in one bounded look."""
    low, high = get_id_range(filters, None)
    first, last = max(after, low), min(up_to, high - 1)
    end = last if filters.indexed_only else min(last, first + IDS_A_LOOK)
    runs = (
        _filter_by_status(filters, within, statuses)
        .filter(pk__gt=first, pk__lte=end)
        .order_by("pk")
    )
    ids = list(runs.values_list("pk", flat=True)[:limit])
    if len(ids) == limit:
        return Chunk(ids, ids[-1])
    return Chunk(ids, up_to if end >= last else end)


def _ids_only(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.select_related(None).defer(None).only("pk")


def _filter_by_status(
    filters: RunFilters, within: Reach, statuses: Collection[str]
) -> QuerySet[Run]:
    runs = filter_runs(filters, within).filter(status__in=statuses)
    # Children of a for-each that wait for their turn are paused too; their caller resumes them.
    runs = runs.exclude(status=RunStatus.PAUSED, parent_wait_id__isnull=False, seq=1)
    if not filters.text:
        return runs
    named = Q(idempotency_key=filters.text)
    if run_id := parse_run_id(filters.text):
        named |= Q(pk=run_id)
    runs = runs.alias(input_text=JsonText("input"))
    return runs.filter(named | input_condition(filters.text))
