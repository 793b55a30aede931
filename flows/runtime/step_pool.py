"""Threads for blocking step code, with one wake-up of the loop for all that finish together.

``loop.run_in_executor`` wakes the loop once a call, with a system call each. Under load most
results come while the loop is about to look anyway.
"""

import queue
import threading
import time
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections, connections


class StepQuit(RuntimeError):
    """Step code tried to end the process or the thread it runs in."""


_Work = tuple[Callable[..., Any], tuple[Any, ...], "Future[Any]"]
_Done = tuple["Future[Any]", Any, BaseException | None]


class StepPool:
    """Runs calls in ``threads`` daemon threads; results are handed to ``loop`` in batches."""

    def __init__(self, loop: AbstractEventLoop, threads: int, *, name: str = "step") -> None:
        self._loop = loop
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._done: deque[_Done] = deque()
        self._is_woken = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True)
            for n in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = 0.5) -> None:
        """Let the threads end when they are free; code that blocks is left to the fence."""
        for _ in self._threads:
            self._work.put(None)
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call ``function`` in a thread. Only from the loop."""
        future: Future[Any] = self._loop.create_future()
        self._work.put((function, args, future))
        return future

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            function, args, future = work
            try:
                self._hand_over((future, function(*args), None))
            except Exception as error:
                self._hand_over((future, None, error))
            except BaseException as error:
                self._hand_over((future, None, StepQuit(f"{type(error).__name__}: {error}")))
            finally:
                # Leaves no connection open past its age.
                close_old_connections()
        connections.close_all()

    def _hand_over(self, done: _Done) -> None:
        self._done.append(done)
        # Read and set without a lock: a wake-up too many is harmless, and none is lost, for the
        # loop clears the flag before it empties the queue.
        if not self._is_woken:
            self._is_woken = True
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:
                # The loop is closed: the worker has stopped, and the step is taken over.
                return

    def _answer(self) -> None:
        self._is_woken = False
        while self._done:
            future, value, error = self._done.popleft()
            if future.done():
                continue
            if isinstance(error, StopIteration):
                future.set_exception(StepQuit("StopIteration"))
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)
