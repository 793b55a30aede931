"""Threads that do something at the same moment, each on a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
START_SECONDS = 60


def at_once(work: Callable[[int], T], count: int) -> list[T]:
    """Call ``work(0)``, ``work(1)`` and so on, in as many threads from one starting shot.

    Returns what they returned, in order, when all are done. Raises what the first of them raised.
    """
    shot = threading.Barrier(count)

    def do(number: int) -> T:
        shot.wait(START_SECONDS)
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(do, range(count)))
