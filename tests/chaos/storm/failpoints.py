"""Named points at which a process dies if it is armed there. Installed from outside, never shipped.

Every way a process has to change the world is a pair of points: just before it, and just after it
before anybody has heard. A commit of the database is told apart by the thread that makes it.
"""

import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.utils import timezone
from dramatiq.worker import WorkerThread

from tests.chaos.storm.control import Control

WORKER_POINTS = (
    "before the claim", "after the claim", "before the call", "after the call",
    "after the batch", "before the job's claim", "after the job's claim",
    "before the job is struck",
    *(f"{when} the {who} commit" for who in ("step", "job") for when in ("before", "after")),
)  # fmt: skip
CLOCK_POINTS = tuple(
    f"{when} the {who} commit"
    for who in ("timers", "takeover", "resend", "clock")
    for when in ("before", "after")
)
CLERK_POINTS = ("before the clerk commit", "after the clerk commit")
POINTS = ("", *WORKER_POINTS, *CLOCK_POINTS, *CLERK_POINTS)
_INDEX = {name: index for index, name in enumerate(POINTS)}


class Failpoints:
    """The points of one process."""

    def __init__(self, control: Control, slot: int, role: str) -> None:
        self._control, self._slot, self._role = control, slot, role

    def hit(self, name: str) -> None:
        """Die here, as a power cut would have it, if this point is armed."""
        if self._control.armed(self._slot) == _INDEX[name]:
            self._control.arm(self._slot, -_INDEX[name])
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Patch what this role passes through. In a process of its own, before it starts."""
        self._shift_clock()
        self._around_commits()
        if self._role == "worker":
            self._around_steps()
            self._around_jobs()

    def _shift_clock(self) -> None:
        real = timezone.now

        def now() -> datetime:
            offset = self._control.offset_seconds(self._slot)
            return real() + timedelta(seconds=offset) if offset else real()

        timezone.now = now

    def _around_commits(self) -> None:
        from django.db.backends.base import base

        wrappers: Any = base.BaseDatabaseWrapper
        real = wrappers._commit

        def commit(wrapper: Any) -> Any:
            who = self._committing()
            if who is None:
                return real(wrapper)
            self.hit(f"before the {who} commit")
            done = real(wrapper)
            self.hit(f"after the {who} commit")
            return done

        wrappers._commit = commit

    def _committing(self) -> str | None:
        if self._role == "clerk":
            return "clerk"
        name = threading.current_thread().name
        if self._role == "clock":
            task = name.rpartition(".")[2]
            return {"timers": "timers", "takeover": "takeover", "resend_due": "resend"}.get(
                task, "clock"
            )
        if name == "committer":
            return "step"
        return "job" if isinstance(threading.current_thread(), WorkerThread) else None

    def _around_steps(self) -> None:
        from flows.runtime import committer, execution
        from flows.store.postgres import PostgresStore

        self._around(PostgresStore, "claim", "before the claim", "after the claim", only_if=True)
        self._around(committer, "commit", None, "after the batch")
        drives: Any = execution.Drive
        real = drives.run

        async def run(drive: Any) -> Any:
            self.hit("before the call")
            action = await real(drive)
            self.hit("after the call")
            return action

        drives.run = run

    def _around_jobs(self) -> None:
        from workbench.dispatch import delivery as module

        delivery: Any = module
        self._around(delivery, "_claim", "before the job's claim", "after the job's claim")
        real = delivery.get_handler

        def get_handler(name: str) -> Callable[..., None]:
            handler = real(name)

            def handle(*args: Any) -> None:
                handler(*args)
                self.hit("before the job is struck")

            return handle

        delivery.get_handler = get_handler

    def _around(
        self, owner: Any, name: str, before: str | None, after: str | None, *, only_if: bool = False
    ) -> None:
        """Put points around a function; with ``only_if``, the second if it returned something."""
        real = getattr(owner, name)

        @wraps(real)
        def wrapped(*args: Any, **options: Any) -> Any:
            if before:
                self.hit(before)
            done = real(*args, **options)
            if after and (done or not only_if):
                self.hit(after)
            return done

        setattr(owner, name, wrapped)
