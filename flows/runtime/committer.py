"""Group commit: the steps that finish at the same time are written in one transaction."""

import logging
import queue
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence

from django.db import connections

from flows.runtime.actions import Fail, Finish
from flows.runtime.pressure import CommitPace
from flows.runtime.transitions import commit
from flows.store.rows import Claim
from workbench.dispatch.outage import is_passing, outage
from workbench.dispatch.patience import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, wait_after

logger = logging.getLogger(__name__)

MOST_IN_A_BATCH = 256

Answer = Claim | None
_Item = tuple[Finish, "Future[Answer]"]


class Committer:
    """Commits, in one thread, whatever has finished since its last commit.

    While one batch is on its way to disk the next one gathers, so a batch grows with the load and
    nobody waits for a timer. While the database is away, the thread and the riders wait for it.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        worker_id: Callable[[], int],
        on_commit: Callable[[Sequence[Finish]], None],
    ) -> None:
        self._loop = loop
        self._worker_id = worker_id
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self.pace = CommitPace()
        self._thread = threading.Thread(target=self._work, name="committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def submit(self, finish: Finish) -> "Future[Answer]":
        """Queue a finished activation; return the future of its rider's next claim, or None."""
        future: Future[Answer] = self._loop.create_future()
        self._queue.put((finish, future))
        return future

    def _work(self) -> None:
        while True:
            batch = self._gather()
            if not batch:
                break
            self._commit(batch)
        connections.close_all()

    def _gather(self) -> list[_Item]:
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < MOST_IN_A_BATCH:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            batch.append(item)
        return batch

    def _commit(self, batch: list[_Item]) -> None:
        items = [finish for finish, _ in batch]
        self.pace.begin()
        answers = self._write(items)
        self.pace.end()
        self._loop.call_soon_threadsafe(_answer, batch, answers)
        self._on_commit(items)

    def _write(self, items: Sequence[Finish]) -> list[Answer]:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with outage.watch("the committer"):
                    return commit(items, self._worker_id())
            except Exception as error:
                if is_passing(error):
                    # Whether the batch was written is unknown; the fence and the activation make
                    # writing it again harmless.
                    if self._stopping.is_set():
                        return [None] * len(items)
                    wait_after(error, pause)
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                    continue
                if len(items) > 1:
                    # One of them cannot be written: it must not hold up the others.
                    return [self._write([item])[0] for item in items]
                if not _make_less(items[0], error):
                    return [None]


def _make_less(item: Finish, error: Exception) -> bool:
    """Take off an item what may be why it cannot be written; return False if nothing is left.

    First its result, then what it has paid. A step that is written in no form would be called, and
    paid for, again and again.
    """
    run_id = item.claim.run_id
    if not isinstance(item.action, Fail):
        logger.error("A step of run %s could not be written", run_id, exc_info=error)
        item.action = Fail({"kind": "internal", "message": f"{type(error).__name__}: {error}"})
        return True
    if item.payments:
        message = "What a step of run %s has paid could not be counted: %s"
        logger.error(message, run_id, item.payments, exc_info=error)
        item.payments = ()
        return True
    logger.error("A failure of run %s could not be written", run_id, exc_info=error)
    return False


def _answer(batch: list[_Item], answers: list[Answer]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if not future.done():
            future.set_result(answer)
