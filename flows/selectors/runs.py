"""The list of runs. It must answer at once with a million of them, so every read is bounded.

Filters that an index serves (flow, state) are one query. The rest are searched in windows of ids,
newest first, until a page is full or the time is up; the page then says how far back it looked
and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from flows.models import MaskedValue, Run, RunStatus, Wait, WaitState
from flows.selectors.run_filters import (
    PERSON_WAITS,
    WAITING,
    RunFilters,
    filter_runs,
    input_condition,
    list_runs_named,
)
from flows.selectors.run_search import get_id_range, search_windows
from workbench.accounts.permissions import Reach
from workbench.search.functions import JsonText

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list. Its ``state`` also says whether it waits for a person or something else."""

    run: Run
    wait: Wait | None = None

    @property
    def state(self) -> str:
        if self.run.status == RunStatus.RUNNING and self.wait is not None:
            return "waiting_for_person" if self.wait.kind in PERSON_WAITS else WAITING
        return self.run.status

    @property
    def filter_state(self) -> str:
        """The word by which ``RunFilters.state`` finds it: ``waiting`` is for a person alone."""
        waits_for_person = self.wait is not None and self.wait.kind in PERSON_WAITS
        if self.run.status == RunStatus.RUNNING and waits_for_person:
            return WAITING
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


def get_run(run_id: int) -> Run:
    """Return the run with its flow and version: one query. Raises: Run.DoesNotExist."""
    has_masked = Exists(MaskedValue.objects.filter(run=OuterRef("pk")))
    found = Run.objects.select_related("flow", "version").annotate(has_masked=has_masked)
    return found.get(pk=run_id)


def get_run_row(run: Run) -> RunRow:
    """Return the run with the wait that tells its state: at most one query."""
    return _with_waits([run])[0]


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
    found, searched_to = _find_runs(filters, within, before, page_size + 1)
    more = len(found) > page_size
    found = found[:page_size]
    next_before = found[-1].pk if more else (searched_to.pk if searched_to else None)
    return RunPage(_with_waits(found), next_before, searched_to)


def _find_runs(
    filters: RunFilters, within: Reach, before: int | None, wanted: int
) -> tuple[list[Run], Run | None]:
    """Return the newest matching runs and, if the time was up, how far back was looked."""
    runs = filter_runs(filters, within)
    low, high = get_id_range(filters, before)
    if filters.indexed_only:
        return list(runs.filter(pk__gt=low, pk__lt=high)[:wanted]), None
    named = list_runs_named(runs, filters.text, limit=PAGE_SIZE) if before is None else []
    others = runs.alias(input_text=JsonText("input"))
    others = others.filter(input_condition(filters.text)).exclude(pk__in=[run.pk for run in named])
    found, searched_to = search_windows(others, low, high, wanted - len(named))
    return named + found, searched_to


def _with_waits(runs: Sequence[Run]) -> list[RunRow]:
    live = [run.pk for run in runs if run.status == RunStatus.RUNNING]
    waits: dict[int, Wait] = {}
    if live:
        for wait in Wait.objects.filter(run__in=live, state=WaitState.OPEN).order_by("pk"):
            held = waits.get(wait.run_id)
            if held is None or (wait.kind in PERSON_WAITS and held.kind not in PERSON_WAITS):
                waits[wait.run_id] = wait
    return [RunRow(run, waits.get(run.pk)) for run in runs]
