"""The outbox: jobs written with the change that causes them, delivered at least once.

enqueue -> due -> claimed -> deleted
            ^        |
            +--------+  failed: backs off; after MAX_ATTEMPTS it is dead and shown
"""

import logging
import os
import socket
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Min, Q

from workbench.dispatch.broker import DELIVERY_SECONDS, ring
from workbench.dispatch.models import Outbox
from workbench.dispatch.patience import AWAY, patiently
from workbench.dispatch.registry import get_handler

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
LEASE = timedelta(seconds=DELIVERY_SECONDS + 10)
# A message that was sent and not delivered by then is taken for lost. The next has as long as the
# row has been due, so that a long queue does not fill with messages for the same rows.
LOST_AFTER = timedelta(seconds=5)
LONGEST_RING_PAUSE = timedelta(seconds=300)
# The clocks of two machines differ a little: a message may arrive "before" it was written.
CLOCK_SKEW = timedelta(seconds=2)
FIRST_BACKOFF_SECONDS = 5
LONGEST_BACKOFF_SECONDS = 3600
RING_BATCH = 500


def add_job(
    job: str, args: Mapping[str, Any], *, now: datetime, delay_seconds: float = 0
) -> Outbox:
    due_at = now + timedelta(seconds=delay_seconds)
    ring_at = due_at if delay_seconds > 0 else now + LOST_AFTER
    row = Outbox.objects.create(
        job=job, args=dict(args), due_at=due_at, ring_at=ring_at, created_at=now
    )
    if delay_seconds <= 0:
        transaction.on_commit(lambda: ring([row.pk]), robust=True)
    return row


def add_jobs(jobs: Sequence[tuple[str, Mapping[str, Any]]], *, now: datetime) -> list[Outbox]:
    """Write many jobs in few statements; one ring on commit."""
    rows = Outbox.objects.bulk_create(
        [
            Outbox(job=job, args=dict(args), due_at=now, ring_at=now + LOST_AFTER, created_at=now)
            for job, args in jobs
        ],
        batch_size=RING_BATCH // 5,
    )
    if rows:
        ids = [row.pk for row in rows]
        transaction.on_commit(lambda: ring(ids), robust=True)
    return rows


def process_name() -> str:
    """Return this process's name, by which what it holds is given back when it is gone."""
    return f"{socket.gethostname()}:{os.getpid()}"


def deliver(outbox_id: int, now: datetime) -> bool:
    """Run the handler of one row if it is due and nobody else does; say whether it was run.

    The lease is one conditional UPDATE, so that of two messages for a row one finds nothing to do.
    """
    row = patiently(_claiming(outbox_id, now))
    if row is None:
        return False
    try:
        get_handler(row.job)({**row.args, "outbox_id": row.pk}, now)
    except Exception as error:
        logger.warning("Job %s (outbox %s) failed", row.job, row.pk, exc_info=True)
        patiently(_put_back, row, error, now)
    else:
        patiently(Outbox.objects.filter(pk=row.pk).delete)
    return True


def _claiming(outbox_id: int, now: datetime) -> Callable[[], Outbox | None]:
    """Return a claim that may be called again where its answer was lost."""
    asked = False

    def claim() -> Outbox | None:
        nonlocal asked
        again, asked = asked, True
        return _claim(outbox_id, now, again=again)

    return claim


def _claim(outbox_id: int, now: datetime, *, again: bool) -> Outbox | None:
    lease_ends = now + LEASE
    due = Q(due_at__lte=now + CLOCK_SKEW)
    if again:
        # It may be ours since the call whose answer was lost.
        due |= Q(claimed_by=process_name(), claimed_at=now)
    claimed = Outbox.objects.filter(due, pk=outbox_id, dead_at=None).update(
        attempts=F("attempts") + 1,
        claimed_at=now,
        claimed_by=process_name(),
        due_at=lease_ends,
        ring_at=lease_ends,
    )
    return Outbox.objects.filter(pk=outbox_id).first() if claimed else None


def _put_back(row: Outbox, error: Exception, now: datetime) -> None:
    summary = "".join(traceback.format_exception_only(error)).strip()[:2000]
    dead = row.attempts >= MAX_ATTEMPTS
    # Where the database was away, the next attempt need not wait.
    retry_at = now + (CLOCK_SKEW if isinstance(error, AWAY) else backoff(row.attempts))
    # Only where no later delivery has taken the row over since.
    Outbox.objects.filter(pk=row.pk, attempts=row.attempts).update(
        last_error=summary,
        claimed_at=None,
        claimed_by="",
        due_at=retry_at,
        ring_at=retry_at,
        dead_at=now if dead else None,
    )
    if dead:
        logger.error("Job %s (outbox %s) is dead: %s", row.job, row.pk, summary)


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after the given number of failed attempts: 5 s, doubled each time."""
    return timedelta(
        seconds=min(FIRST_BACKOFF_SECONDS * 2 ** (attempts - 1), LONGEST_BACKOFF_SECONDS)
    )


def resend_due(now: datetime) -> bool:
    """Ring for rows whose message was lost, delayed or failed; say whether more may be due."""
    with transaction.atomic():
        due = Outbox.objects.filter(dead_at=None, ring_at__lte=now).order_by("ring_at")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due.only("pk", "due_at")[:RING_BATCH])
        for row in rows:
            row.ring_at = now + min(max(now - row.due_at, LOST_AFTER), LONGEST_RING_PAUSE)
        Outbox.objects.bulk_update(rows, ["ring_at"])
    ring([row.pk for row in rows])
    return len(rows) == RING_BATCH


def resend_all(now: datetime) -> None:
    """Have all that is due rung at once: whatever was sent for it is gone."""
    Outbox.objects.filter(dead_at=None, due_at__lte=now).update(ring_at=now)


def release_claims(now: datetime) -> int:
    """Give back what a dead process held, and have all that is due rung at once.

    Only where no other process can be delivering: at the start of the embedded default.
    """
    released = Outbox.objects.filter(dead_at=None, claimed_at__isnull=False).update(
        claimed_at=None, claimed_by="", due_at=now
    )
    resend_all(now)
    return released


def release_claims_of(processes: Collection[str], now: datetime) -> int:
    """Give back what dead processes were delivering; the clock rings for it. Names as host:pid."""
    held = Outbox.objects.filter(dead_at=None, claimed_at__isnull=False, claimed_by__in=processes)
    return held.update(claimed_at=None, claimed_by="", due_at=now, ring_at=now) if processes else 0


def release_claims_except(
    processes: Collection[str], *, claimed_before: datetime, now: datetime
) -> int:
    """Give back what was claimed before an instant by any process but these."""
    held = Outbox.objects.filter(dead_at=None, claimed_at__lt=claimed_before)
    orphaned = held.exclude(claimed_by__in=processes)
    return orphaned.update(claimed_at=None, claimed_by="", due_at=now, ring_at=now)


def revive_jobs(ids: Iterable[int], *, now: datetime) -> int:
    """Give dead jobs their attempts back and ring for them; return how many were dead."""
    chosen = list(ids)
    revived = Outbox.objects.filter(pk__in=chosen, dead_at__isnull=False).update(
        dead_at=None,
        attempts=0,
        claimed_at=None,
        claimed_by="",
        due_at=now,
        ring_at=now + LOST_AFTER,
    )
    transaction.on_commit(lambda: ring(chosen), robust=True)
    return revived


@dataclass(frozen=True)
class OutboxHealth:
    """What the health page shows of the outbox."""

    waiting: int
    failing: int
    dead: int
    oldest_at: datetime | None


def get_outbox_health() -> OutboxHealth:
    """Count the outbox's rows. One query."""
    alive = Q(dead_at=None)
    counts = Outbox.objects.aggregate(
        waiting=Count("pk", filter=alive),
        failing=Count("pk", filter=alive & ~Q(last_error="")),
        dead=Count("pk", filter=~alive),
        oldest_at=Min("created_at", filter=alive),
    )
    return OutboxHealth(**counts)


def list_dead_jobs(limit: int = 100) -> list[Outbox]:
    """Return the dead jobs, newest first. One query."""
    return list(Outbox.objects.filter(dead_at__isnull=False).order_by("-dead_at")[:limit])
