"""Recurring tasks: a thread for each, in any number of processes.

A task takes what is due with SKIP LOCKED or a conditional UPDATE, so that several clocks can share
the work.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import close_old_connections, connections

from workbench.dispatch import agreed_time
from workbench.dispatch.outage import is_away, outage

logger = logging.getLogger(__name__)

Task = TypeVar("Task", bound=Callable[[datetime], bool | None])

# After each failure in a row a task pauses for longer, up to this.
LONGEST_PAUSE_SECONDS = 30.0
# While the database is away, no longer than this: when it is back, there is much to do.
AWAY_PAUSE_SECONDS = 1.0
STOP_SECONDS = 4.0


@dataclass(frozen=True)
class Place:
    """What a row of a task is called, and the address of the page that shows it, if any."""

    label: str
    url: str = ""


FindPlaces = Callable[[Sequence[str]], Mapping[str, Place]]


def find_no_places(keys: Sequence[str]) -> Mapping[str, Place]:
    return {}


@dataclass(frozen=True)
class ClockTask:
    """``title`` is what it does, in words; ``find_places`` tells rows by what sweeps call them."""

    name: str
    every_seconds: float
    function: Callable[[datetime], bool | None]
    title: str = ""
    find_places: FindPlaces = find_no_places


class ClockTaskAlreadyRegistered(ValueError):
    """Another function is registered under this name."""


_tasks: dict[str, ClockTask] = {}


def clock_task(
    name: str, every_seconds: float, title: str = "", find_places: FindPlaces = find_no_places
) -> Callable[[Task], Task]:
    """Register ``function(now)``, to be called every ``every_seconds`` by the clock.

    If it returns true, it has more to do and is called again at once.
    """

    def register(function: Task) -> Task:
        known = _tasks.get(name)
        if known is not None and known.function is not function:
            raise ClockTaskAlreadyRegistered(f"Clock task {name!r} exists already")
        _tasks[name] = ClockTask(name, every_seconds, function, title or name, find_places)
        return function

    return register


def list_clock_tasks() -> list[ClockTask]:
    return sorted(_tasks.values(), key=lambda task: task.name)


def run_clock(stop_event: threading.Event) -> None:
    """Run the registered tasks until ``stop_event`` is set. Return when they have stopped."""
    threads = [
        threading.Thread(
            target=_repeat, args=(task, stop_event), name=f"clock-{task.name}", daemon=True
        )
        for task in list_clock_tasks()
    ]
    for thread in threads:
        thread.start()
    stop_event.wait()
    for thread in threads:
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            logger.warning("%s did not stop in time", thread.name)


def _repeat(task: ClockTask, stop_event: threading.Event) -> None:
    failures = 0
    pause = 0.0
    longest = LONGEST_PAUSE_SECONDS
    while not stop_event.wait(pause):
        try:
            with outage.watch(task.name):
                close_old_connections()
                agreed_time.ask_database()
                more = task.function(agreed_time.now())
            failures = 0
        except Exception as error:
            failures, more = failures + 1, False
            longest = AWAY_PAUSE_SECONDS if is_away(error) else LONGEST_PAUSE_SECONDS
            if not is_away(error):
                logger.exception("Clock task %s failed", task.name)
        if failures:
            pause = min(task.every_seconds * 2**failures, longest)
        else:
            pause = 0.0 if more else task.every_seconds
    outage.leave(task.name)
    connections.close_all()
