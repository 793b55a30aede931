"""Work that is done again and again: one thread a task, in any number of processes.

A task takes what is due with SKIP LOCKED or a conditional UPDATE, so that two clocks share it.
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

# A task that fails is tried less and less often, up to this.
LONGEST_PAUSE_SECONDS = 30.0
# A database that is away is back at any moment, and then there is much to do.
AWAY_PAUSE_SECONDS = 1.0
STOP_SECONDS = 4.0


@dataclass(frozen=True)
class ClockTask:
    name: str
    every_seconds: float
    function: Callable[[datetime], bool | None]


class ClockTaskAlreadyRegistered(ValueError):
    """Two functions claim one name."""


_tasks: dict[str, ClockTask] = {}


def clock_task(name: str, every_seconds: float) -> Callable[[Task], Task]:
    """Register ``function(now)`` to be called by the clock.

    A function that returns true has more to do and is called again at once.
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
    """Run the registered tasks until ``stop_event`` is set; return when they have stopped."""
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
            agreed_time.agree()
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
