"""The outbox: jobs, written in the transaction that causes them and delivered at least once.

enqueue -> due -> claimed -> deleted
            ^        |
            +--------+  failed: due again later; after MAX_ATTEMPTS it is dead
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from workbench.dispatch.broker import ring
from workbench.dispatch.models import Outbox
from workbench.dispatch.outage import is_passing
from workbench.dispatch.sweeps import Sweep

logger = logging.getLogger(__name__)

# A message that has not been delivered after so long counts as lost and is sent again. From then on
# the pause is as long as the row has been due: a long queue must not fill with messages for the
# same rows.
LOST_AFTER = timedelta(seconds=5)
LONGEST_RING_PAUSE = timedelta(seconds=300)
RING_BATCH = 500
RESEND = "dispatch.resend_due"


def enqueue(
    job: str, args: Mapping[str, Any], *, now: datetime, delay_seconds: float = 0
) -> Outbox:
    """Write a job in the caller's transaction, and ring for it when that commits.

    ``args`` is plain JSON; the handler gets it with ``outbox_id`` added.
    """
    due_at = now + timedelta(seconds=delay_seconds)
    ring_at = due_at if delay_seconds > 0 else now + LOST_AFTER
    row = Outbox.objects.create(
        job=job, args=dict(args), due_at=due_at, ring_at=ring_at, created_at=now
    )
    if delay_seconds <= 0:
        transaction.on_commit(lambda: ring([row.pk]), robust=True)
    return row


def enqueue_many(jobs: Sequence[tuple[str, Mapping[str, Any]]], *, now: datetime) -> list[Outbox]:
    """Write ``(job, args)`` pairs as ``enqueue`` does, 100 in a statement, and ring for all."""
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


def resend_due(now: datetime) -> bool:
    """Ring for rows whose message was lost, delayed or failed. Return whether more may be due."""
    sweep = Sweep(RESEND, now)
    with transaction.atomic():
        due = Outbox.objects.filter(dead_at=None, ring_at__lte=now).order_by("ring_at")
        due = due.exclude(pk__in=sweep.ids_passed_over())
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due.only("pk", "due_at")[:RING_BATCH])
        sweep.together(rows, lambda some: _put_off_ringing(some, now))
        if len(rows) < RING_BATCH:
            sweep.forget_gone()
    ring([row.pk for row in rows])
    return len(rows) == RING_BATCH


def _put_off_ringing(rows: Sequence[Outbox], now: datetime) -> None:
    for row in rows:
        row.ring_at = now + min(max(now - row.due_at, LOST_AFTER), LONGEST_RING_PAUSE)
    Outbox.objects.bulk_update(rows, ["ring_at"])


def resend_all(now: datetime) -> None:
    """Have the clock ring for all that is due, now that every message is lost."""
    due = Outbox.objects.filter(dead_at=None, due_at__lte=now)
    try:
        with transaction.atomic():
            due.update(ring_at=now)
    except Exception as error:
        if is_passing(error):
            raise
        logger.warning("Messages could not be resent together; each is alone", exc_info=True)
        Sweep(RESEND, now).each(
            list(due.values_list("pk", flat=True)),
            lambda pk: Outbox.objects.filter(pk=pk).update(ring_at=now),
            key=str,
        )


def release_claims(now: datetime) -> int:
    """Release every claim and have the clock ring for all that is due. Return how many there were.

    Call it only where no other process can be delivering: at the start of the embedded default.
    """
    released = Outbox.objects.filter(dead_at=None, claimed_at__isnull=False).update(
        claimed_at=None, claimed_by="", due_at=now
    )
    resend_all(now)
    return released


def release_claims_of(processes: Collection[str], now: datetime) -> int:
    """Release the claims of dead processes, named ``host:pid``. Return how many there were."""
    held = Outbox.objects.filter(dead_at=None, claimed_at__isnull=False, claimed_by__in=processes)
    return held.update(claimed_at=None, claimed_by="", due_at=now, ring_at=now) if processes else 0


def release_claims_except(
    processes: Collection[str], *, claimed_before: datetime, now: datetime
) -> int:
    """Release older claims of all processes but these. Return how many there were."""
    held = Outbox.objects.filter(dead_at=None, claimed_at__lt=claimed_before)
    orphaned = held.exclude(claimed_by__in=processes)
    return orphaned.update(claimed_at=None, claimed_by="", due_at=now, ring_at=now)


def revive_jobs(ids: Iterable[int], *, now: datetime) -> int:
    """Let dead jobs be attempted again, and ring for them. Return how many were dead."""
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
