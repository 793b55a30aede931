"""Search runs in windows of ids, so that no search takes long however many runs there are."""

import time
from datetime import datetime, timedelta

from django.db.models import QuerySet

from flows.models import Run
from flows.selectors.run_filters import RunFilters

FIRST_WINDOW = 2_000
SEARCH_SECONDS = 0.12
# Two processes that start runs at the same time may take ids in another order than the clock's.
CLOCK_SLACK = timedelta(minutes=5)


def get_newest_run_id() -> int:
    """Return the id of the newest run, 0 without runs: one query."""
    return Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def search_windows(
    runs: QuerySet[Run], low: int, high: int, wanted: int
) -> tuple[list[Run], Run | None]:
    """Look through windows of ids until enough is found or the time is up.

    Return what was found and, if the time was up, the run up to which was looked. A window is as
    large as the pace so far lets through in the time that is left.
    """
    began = time.monotonic()
    found: list[Run] = []
    window = FIRST_WINDOW
    first = high = min(high, get_newest_run_id() + 1)
    while high - 1 > low and len(found) < wanted:
        bottom = max(low, high - window - 1)
        found += runs.filter(pk__gt=bottom, pk__lt=high)[: wanted - len(found)]
        high = bottom + 1
        taken = time.monotonic() - began
        window = int((first - high) / taken * (SEARCH_SECONDS - taken)) + 1
        if taken > SEARCH_SECONDS * 0.8 and len(found) < wanted:
            return found, Run.objects.filter(pk__gte=high).order_by("pk").first()
    return found, None


# --- Times as ids -----------------------------------------------------------------


def get_id_range(filters: RunFilters, before: int | None) -> tuple[int, int]:
    """Return exclusive bounds of the id that hold every run of the time range, and some more.

    No query without a time range; some forty small ones by the primary key with one.
    """
    low, high = 0, before or 2**62
    if filters.started_from or filters.started_to:
        newest = get_newest_run_id()
        if filters.started_from:
            low = _first_id_at(filters.started_from - CLOCK_SLACK, newest) - 1
        if filters.started_to:
            high = min(high, _first_id_at(filters.started_to + CLOCK_SLACK, newest))
    return low, high


def _first_id_at(when: datetime, newest: int) -> int:
    """Return the first id whose run started at ``when`` or later, by bisection of the key."""
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        run = Run.objects.filter(pk__gte=middle).order_by("pk").values("pk", "started_at").first()
        if run is None or run["started_at"] >= when:
            high = middle
        else:
            low = run["pk"] + 1
    return low
