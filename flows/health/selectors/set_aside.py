"""Rows that the clock could not do and has set aside."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.dispatch.clock import ClockTask, find_no_places, list_clock_tasks
from workbench.dispatch.models import SetAside
from workbench.dispatch.sweeps import list_set_aside


@dataclass(frozen=True, slots=True)
class SetAsideRow:
    """A row that is set aside. ``what`` is its task in words, ``label`` what the row is called.

    ``url`` is the page of its case, run or trigger, or empty.
    """

    id: int
    task: str
    what: str
    key: str
    label: str
    url: str
    cause: str
    failures: int
    first_at: datetime
    last_at: datetime
    retry_at: datetime


def list_set_aside_rows() -> list[SetAsideRow]:
    """Return the newest: one query, and at most one more for each of their tasks."""
    by_task: dict[str, list[SetAside]] = defaultdict(list)
    for kept in list_set_aside():
        by_task[kept.task].append(kept)
    tasks = {task.name: task for task in list_clock_tasks()}
    rows = [row for name, some in by_task.items() for row in _describe(tasks.get(name), some)]
    return sorted(rows, key=lambda row: row.last_at, reverse=True)


def get_set_aside_row(set_aside_id: int) -> SetAsideRow:
    """Raises: SetAside.DoesNotExist."""
    kept = SetAside.objects.get(pk=set_aside_id)
    tasks = {task.name: task for task in list_clock_tasks()}
    return _describe(tasks.get(kept.task), [kept])[0]


def count_set_aside() -> int:
    return SetAside.objects.count()


def _describe(task: ClockTask | None, kept: Sequence[SetAside]) -> list[SetAsideRow]:
    find_places = task.find_places if task else find_no_places
    places = find_places([each.key for each in kept])
    return [
        SetAsideRow(
            id=each.pk,
            task=each.task,
            what=task.title if task else each.task,
            key=each.key,
            label=places[each.key].label if each.key in places else each.key,
            url=places[each.key].url if each.key in places else "",
            cause=each.cause,
            failures=each.failures,
            first_at=each.first_at,
            last_at=each.last_at,
            retry_at=each.retry_at,
        )
        for each in kept
    ]
