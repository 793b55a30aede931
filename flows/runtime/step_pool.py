"""A thread pool for step code: few thread switches for short calls, many threads for long ones.

``loop.run_in_executor`` wakes a thread for each call, and the loop for each result. For a step of
some microseconds these switches cost more than the step. Here one thread takes the calls one after
the other, for as long as none of them waits; and results come back together.
"""

import threading
import time
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

from django.db import close_old_connections, connections

# A call that has waited for so long is assumed to be stuck behind one that blocks.
PATIENCE_SECONDS = 0.003
LOOK_SECONDS = 1.0


class StepQuit(RuntimeError):
    """Step code tried to end the process or the thread it runs in."""


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: "Future[Any]"
    since: float


_Done = tuple["Future[Any]", Any, BaseException | None]


class StepPool:
    """Runs calls in up to ``threads`` daemon threads; results are handed to ``loop`` in batches.

    While a call waits longer than ``patience_seconds``, a timer of the loop lets more threads help,
    twice as many each time. A thread sleeps when no call is left.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        threads: int,
        *,
        name: str = "step",
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._loop = loop
        self._patience = patience_seconds
        self._calls: deque[_Call] = deque()
        self._done: deque[_Done] = deque()
        self._is_woken = False
        self._lock = threading.Lock()
        self._awake = 0
        self._permits: SimpleQueue[bool] = SimpleQueue()
        self._watching = False
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
            self._permits.put(False)
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call ``function`` in a thread. Only from the loop."""
        future: Future[Any] = self._loop.create_future()
        self._calls.append(_Call(function, args, future, time.monotonic()))
        if self._awake == 0 or self._patience == 0:
            self._wake(1)
        elif not self._watching:
            self._watching = True
            self._loop.call_later(self._patience, self._watch, 1)
        return future

    # --- How many threads are awake -------------------------------------------------------

    def _wake(self, count: int) -> None:
        with self._lock:
            count = min(count, len(self._threads) - self._awake)
            self._awake += count
        for _ in range(count):
            self._permits.put(True)

    def _watch(self, helpers: int) -> None:
        """Wake more threads for as long as the first call in line has waited too long."""
        try:
            waited = time.monotonic() - self._calls[0].since
        except IndexError:
            self._watching = False
            return
        if waited >= self._patience:
            self._wake(min(helpers, len(self._calls)))
            helpers *= 2
        self._loop.call_later(self._patience, self._watch, helpers)

    def _may_sleep(self) -> bool:
        """Count this thread as asleep and return True, unless a call has come in meanwhile."""
        with self._lock:
            if self._calls:
                return False
            self._awake -= 1
            return True

    # --- In a thread ---

    def _run(self) -> None:
        look_at = 0.0
        while self._permits.get():
            while True:
                try:
                    call = self._calls.popleft()
                except IndexError:
                    if self._may_sleep():
                        break
                    continue
                failed = self._call(call)
                # Leaves no connection broken, or open past its age. Looking costs as much as a
                # small step: once a second, and after each failure.
                if failed or time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_SECONDS
                    close_old_connections()
        connections.close_all()

    def _call(self, call: _Call) -> bool:
        """Make the call and hand its result over; return whether it failed."""
        try:
            value = call.function(*call.arguments)
        except Exception as error:
            self._hand_over((call.future, None, error))
        except BaseException as error:
            self._hand_over((call.future, None, StepQuit(f"{type(error).__name__}: {error}")))
        else:
            self._hand_over((call.future, value, None))
            return False
        return True

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
