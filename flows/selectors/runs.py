"""The list of runs. It must answer at once with a million of them, so every read is bounded.

Filters that an index serves (flow, state) are one query. The rest are looked for in windows of
ids, newest first, until a page is full or the time is up; the page then says how far back it
looked and goes on from there.
"""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from flows.models import Flow, Run, RunStatus, Wait, WaitState
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach

PAGE_SIZE = 50
# Digits of an id that surely fit a bigint.
LONGEST_ID = 18
# A count stops here; the page then shows "1,000+".
COUNT_CAP = 1_000
FIRST_WINDOW = 2_000
SEARCH_SECONDS = 0.12
# Two processes that start runs at the same time may take ids in another order than the clock's.
CLOCK_SLACK = timedelta(minutes=5)
# An act on many says "10,000 or more" past this, and does them all.
MOST_COUNTED = 10_000
IDS_A_LOOK = 20_000
PERSON_WAITS = frozenset({"case"})
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class RunFilters:
    """What the list is narrowed to. ``state`` is a run status, or ``waiting`` (for a person).

    ``error`` is the kind of the error that a run failed by.
    """

    flow: str = ""
    version: int | None = None
    state: str = ""
    outcome: str = ""
    started_from: datetime | None = None
    started_to: datetime | None = None
    text: str = ""
    error: str = ""

    @property
    def indexed_only(self) -> bool:
        """Whether every filter is one that an index answers."""
        return not (self.version or self.outcome or self.text or self.error)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list. ``state`` also tells apart a run that waits, and for what."""

    run: Run
    wait: Wait | None = None

    @property
    def state(self) -> str:
        if self.run.status == RunStatus.RUNNING and self.wait is not None:
            return "waiting_for_person" if self.wait.kind in PERSON_WAITS else WAITING
        return self.run.status

    @property
    def seconds(self) -> float | None:
        if self.run.finished_at is None:
            return None
        return (self.run.finished_at - self.run.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs. ``next_before`` is the id to go on from, or None at the end.

    ``searched_to`` is set when the time was up before the page was full: nothing older than that
    run was looked at yet.
    """

    rows: Sequence[RunRow]
    next_before: int | None = None
    searched_to: Run | None = None


def run_id_in(text: str) -> int | None:
    """Return the id that a person or an address gave, or None if it is none."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ID else None


def get_run(run_id: int) -> Run:
    """Return the run with its flow and version: one query. Raises: Run.DoesNotExist."""
    return Run.objects.select_related("flow", "version").get(pk=run_id)


def list_runs(
    filters: RunFilters,
    *,
    within: Reach,
    before: int | None = None,
    page_size: int = PAGE_SIZE,
) -> RunPage:
    """Return runs, newest first: two queries when an index serves the filters.

    ``before`` is the id to go on from. The runs carry their flow and version number, not the
    version's document.
    """
    runs = _narrowed(filters, within)
    low, high = _id_range(filters, before)
    searched_to = None
    if filters.indexed_only:
        found = list(runs.filter(pk__gt=low, pk__lt=high)[: page_size + 1])
    else:
        found = _named(runs, filters.text) if before is None else []
        wanted = page_size + 1 - len(found)
        others = runs.alias(input_text=Cast("input", TextField()))
        others = others.filter(_input_condition(filters.text)).exclude(pk__in=[r.pk for r in found])
        older, searched_to = _search(others, low, high, wanted)
        found += older
    more = len(found) > page_size
    found = found[:page_size]
    next_before = found[-1].pk if more else (searched_to.pk if searched_to else None)
    return RunPage(_with_waits(found), next_before, searched_to)


def _narrowed(filters: RunFilters, within: Reach) -> QuerySet[Run]:
    runs = Run.objects.filter(within_reach(within, "flow__"))
    runs = runs.select_related("flow", "version").defer(
        "version__document", "flow__draft", "input", "output"
    )
    if filters.flow:
        runs = runs.filter(flow__name=filters.flow)
    if filters.version:
        runs = runs.filter(version__number=filters.version)
    if filters.outcome:
        runs = runs.filter(outcome=filters.outcome)
    if filters.error:
        runs = runs.filter(error__kind=filters.error)
    if filters.started_from:
        runs = runs.filter(started_at__gte=filters.started_from)
    if filters.started_to:
        runs = runs.filter(started_at__lt=filters.started_to)
    return runs.filter(_state_condition(filters.state)).order_by("-pk")


def _state_condition(state: str) -> Q:
    """A running run that waits for a person is in the state ``waiting`` and not in ``running``."""
    waits = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN, kind__in=PERSON_WAITS)
    if state == WAITING:
        return Q(Exists(waits), status=RunStatus.RUNNING)
    if state == RunStatus.RUNNING:
        return Q(~Exists(waits), status=RunStatus.RUNNING)
    return Q(status=state) if state else Q()


def _named(runs: QuerySet[Run], text: str) -> list[Run]:
    """Return the runs whose id or idempotency key is the text: both are indexed.

    Two queries: joined by OR, PostgreSQL uses neither index.
    """
    if not text:
        return []
    # The index on keys begins with the flow.
    by_key = list(runs.filter(flow__in=Flow.objects.values("pk"), idempotency_key=text)[:PAGE_SIZE])
    run_id = run_id_in(text)
    by_id = runs.filter(pk=run_id) if run_id else []
    return [*by_id, *(run for run in by_key if run.pk != run_id)]


def _input_condition(text: str) -> Q:
    """Any text in the input, compared as text: "0.85", "true" and part of a name are all found."""
    if not text:
        return Q()
    # SQLite holds what json.dumps wrote, PostgreSQL its own form of it.
    escaped = json.dumps(text, ensure_ascii=connection.vendor == "sqlite")[1:-1]
    return Q(input_text__icontains=escaped)


def _search(runs: QuerySet[Run], low: int, high: int, wanted: int) -> tuple[list[Run], Run | None]:
    """Look through windows of ids until enough is found or the time is up.

    A window is as large as the last one's pace lets through in the time that is left.
    """
    began = time.monotonic()
    found: list[Run] = []
    window = FIRST_WINDOW
    high = min(high, _newest_id() + 1)
    first = high
    while high - 1 > low and len(found) < wanted:
        bottom = max(low, high - window - 1)
        found += runs.filter(pk__gt=bottom, pk__lt=high)[: wanted - len(found)]
        high = bottom + 1
        taken = time.monotonic() - began
        window = int((first - high) / taken * (SEARCH_SECONDS - taken)) + 1
        if taken > SEARCH_SECONDS * 0.8 and len(found) < wanted:
            return found, Run.objects.filter(pk__gte=high).order_by("pk").first()
    return found, None


def _with_waits(runs: Sequence[Run]) -> list[RunRow]:
    live = [run.pk for run in runs if run.status == RunStatus.RUNNING]
    waits: dict[int, Wait] = {}
    if live:
        for wait in Wait.objects.filter(run__in=live, state=WaitState.OPEN).order_by("pk"):
            held = waits.get(wait.run_id)
            if held is None or (wait.kind in PERSON_WAITS and held.kind not in PERSON_WAITS):
                waits[wait.run_id] = wait
    return [RunRow(run, waits.get(run.pk)) for run in runs]


# --- For acts on many --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """Ids of runs, ascending. Every run up to ``looked_to`` was looked at."""

    ids: Sequence[int]
    looked_to: int


def newest_run_id() -> int:
    return _newest_id()


def count_matching(
    filters: RunFilters, within: Reach, statuses: Collection[str]
) -> tuple[int, bool]:
    """Return how many of the runs in these statuses match, up to MOST_COUNTED, and if that is all.

    Filters that no index serves are counted among the newest runs, for a moment.
    """
    runs = _of(filters, within, statuses)
    low, high = _id_range(filters, None)
    if filters.indexed_only:
        counted = runs.filter(pk__gt=low, pk__lt=high)[: MOST_COUNTED + 1].count()
        return min(counted, MOST_COUNTED), counted <= MOST_COUNTED
    found, searched_to = _search(_ids_only(runs), low, high, MOST_COUNTED + 1)
    counted = len(found)
    return min(counted, MOST_COUNTED), searched_to is None and counted <= MOST_COUNTED


def ids_matching(
    filters: RunFilters,
    within: Reach,
    statuses: Collection[str],
    *,
    after: int,
    up_to: int,
    limit: int,
) -> Chunk:
    """Return the next runs that match, oldest first: at most ``limit``, in one bounded look."""
    low, high = _id_range(filters, None)
    first, last = max(after, low), min(up_to, high - 1)
    end = last if filters.indexed_only else min(last, first + IDS_A_LOOK)
    runs = _of(filters, within, statuses).filter(pk__gt=first, pk__lte=end).order_by("pk")
    ids = list(runs.values_list("pk", flat=True)[:limit])
    if len(ids) == limit:
        return Chunk(ids, ids[-1])
    return Chunk(ids, up_to if end >= last else end)


def _ids_only(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.select_related(None).defer(None).only("pk")


def _of(filters: RunFilters, within: Reach, statuses: Collection[str]) -> QuerySet[Run]:
    runs = _narrowed(filters, within).filter(status__in=statuses)
    # Children of a for-each that wait for their turn are paused too; their caller resumes them.
    runs = runs.exclude(status=RunStatus.PAUSED, parent_wait_id__isnull=False, seq=1)
    if not filters.text:
        return runs
    named = Q(idempotency_key=filters.text)
    if run_id := run_id_in(filters.text):
        named |= Q(pk=run_id)
    runs = runs.alias(input_text=Cast("input", TextField()))
    return runs.filter(named | _input_condition(filters.text))


# --- Times as ids -----------------------------------------------------------------


def _newest_id() -> int:
    return Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _id_range(filters: RunFilters, before: int | None) -> tuple[int, int]:
    """Return exclusive bounds of the id that hold every run of the time range, and some more."""
    low, high = 0, before or 2**62
    if filters.started_from or filters.started_to:
        newest = _newest_id()
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


# --- Counts -----------------------------------------------------------------------


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
    # What was counted up to the cap stands for "or more"; taking from it would say too little.
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
