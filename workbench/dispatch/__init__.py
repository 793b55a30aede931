"""Work that must happen after a commit, and work that must happen at a time.

The row in the outbox is the truth; the message through the broker is only a doorbell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.dispatch.broker import get_broker
from workbench.dispatch.clock import clock_task, run_clock
from workbench.dispatch.registry import job

if TYPE_CHECKING:
    from workbench.dispatch.models import Outbox

__all__ = ["clock_task", "enqueue", "enqueue_many", "get_broker", "job", "run_clock"]


def enqueue(
    job: str, args: Mapping[str, Any], *, now: datetime, delay_seconds: float = 0
) -> Outbox:
    """Write a job into the outbox, in the caller's transaction, and ring a worker on commit.

    ``args`` is plain JSON; the handler gets it with ``outbox_id`` added.
    """
    # Models cannot be imported while the apps are being loaded, and this package is one.
    from workbench.dispatch.outbox import add_job

    return add_job(job, args, now=now, delay_seconds=delay_seconds)


def enqueue_many(jobs: Sequence[tuple[str, Mapping[str, Any]]], *, now: datetime) -> list[Outbox]:
    """Write ``(job, args)`` pairs as ``enqueue`` does, in few statements."""
    from workbench.dispatch.outbox import add_jobs

    return add_jobs(jobs, now=now)
