"""Back-pressure: a worker claims less while its commits are slow.

What is claimed waits in this process for its commit. What is not claimed can be done by a worker
with a faster way to the database, or later, and by priority.
"""

import time
from collections import deque

# Batches that take less than this are no sign of anything.
SLOW_SECONDS = 0.25
MEMORY_SECONDS = 5.0


class CommitPace:
    """Remembers how long the last commits took. One thread writes, another reads."""

    def __init__(self) -> None:
        self._done: deque[tuple[float, float]] = deque(maxlen=256)
        self._began: float | None = None

    def begin(self, at: float | None = None) -> None:
        self._began = time.monotonic() if at is None else at

    def end(self, at: float | None = None) -> None:
        at = time.monotonic() if at is None else at
        if self._began is not None:
            self._done.append((at, at - self._began))
        self._began = None

    def slowest_seconds(self, at: float | None = None) -> float:
        """Return the longest time of the last five seconds' commits, or of the one under way."""
        at = time.monotonic() if at is None else at
        began = self._began
        recent = [took for ended, took in list(self._done) if at - ended <= MEMORY_SECONDS]
        return max([*recent, at - began if began is not None else 0.0], default=0.0)


def riders_allowed(most: int, slowest_seconds: float) -> int:
    """Return how many riders to have: all while commits are quick, fewer the slower they are."""
    if slowest_seconds <= SLOW_SECONDS:
        return most
    return max(1, int(most * SLOW_SECONDS / slowest_seconds))
