"""Recurring tasks: a thread for each, in any number of processes.

A task takes what is due with SKIP LOCKED or a conditional UPDATE, so that several clocks can share
the work.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import close_old_connections, connections

from workbench.dispatch import agreed_time
from workbench.dispatch.patience import AWAY

logger = logging.getLogger(__name__)

Task = TypeVar("Task", bound=Callable[[datetime], bool | None])

# After each failure in a row a task pauses for longer, up to this.
LONGEST_PAUSE_SECONDS = 30.0
# While the database is away, no longer than this: when it is back, there is much to do.
AWAY_PAUSE_SECONDS = 1.0
STOP_SECONDS = 4.0


@dataclass(frozen=True)
class ClockTask:
    name: str
    every_seconds: float
    function: Callable[[datetime], bool | None]


class ClockTaskAlreadyRegistered(ValueError):
    """Another function is registered under this name."""


_tasks: dict[str, ClockTask] = {}


def clock_task(name: str, every_seconds: float) -> Callable[[Task], Task]:
    """Register ``function(now)``, to be called every ``every_seconds`` by the clock.

    If it returns true, it has more to do and is called again at once.
    """

    def register(function: Task) -> Task:
        known = _tasks.get(name)
        if known is not None and known.function is not function:
            raise ClockTaskAlreadyRegistered(f"Clock task {name!r} exists already")
        _tasks[name] = ClockTask(name, every_seconds, function)
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
            close_old_connections()
            agreed_time.ask_database()
            more = task.function(agreed_time.now())
            failures = 0
        except Exception as error:
            failures += 1
            more = False
            longest = AWAY_PAUSE_SECONDS if isinstance(error, AWAY) else LONGEST_PAUSE_SECONDS
            logger.exception("Clock task %s failed", task.name)
        if failures:
            pause = min(task.every_seconds * 2**failures, longest)
        else:
            pause = 0.0 if more else task.every_seconds
    connections.close_all()
