"""Deliver a row of the outbox: claim it, run its handler, delete it or put it back."""

import logging
import os
import socket
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q

from workbench.dispatch.models import Outbox
from workbench.dispatch.outage import is_passing
from workbench.dispatch.patience import retry_while_away
from workbench.dispatch.registry import get_handler

logger = logging.getLogger(__name__)

# A handler may take this long; then its thread is interrupted.
DELIVERY_SECONDS = 50
MAX_ATTEMPTS = 8
LEASE = timedelta(seconds=DELIVERY_SECONDS + 10)
# The clocks of two machines differ a little: a message may arrive before its row seems due.
CLOCK_SKEW = timedelta(seconds=2)
FIRST_BACKOFF_SECONDS = 5
LONGEST_BACKOFF_SECONDS = 3600


def process_name() -> str:
    """Return ``host:pid``, by which the claims of a dead process are found and released."""
    return f"{socket.gethostname()}:{os.getpid()}"


def deliver(outbox_id: int, now: datetime) -> bool:
    """Run the handler of a row that is due and not claimed. Return whether it was run.

    The claim is one conditional UPDATE: of two messages for a row, the second finds nothing to do.
    """
    row = retry_while_away(_repeatable_claim(outbox_id, now))
    if row is None:
        return False
    try:
        get_handler(row.job)({**row.args, "outbox_id": row.pk}, now)
    except Exception as error:
        logger.warning("Job %s (outbox %s) failed", row.job, row.pk, exc_info=True)
        retry_while_away(_put_back, row, error, now)
    else:
        retry_while_away(Outbox.objects.filter(pk=row.pk).delete)
    return True


def _repeatable_claim(outbox_id: int, now: datetime) -> Callable[[], Outbox | None]:
    """Return a function that claims the row. Call it again if the first answer got lost."""
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
        # The call whose answer got lost may have claimed it.
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
    # An outage of the database is no fault of the job: its next attempt need not wait.
    retry_at = now + (CLOCK_SKEW if is_passing(error) else backoff(row.attempts))
    # Only if no later delivery has claimed the row since.
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
    """Return the pause after so many failed attempts: 5 s, doubled each time, at most 1 h."""
    return timedelta(
        seconds=min(FIRST_BACKOFF_SECONDS * 2 ** (attempts - 1), LONGEST_BACKOFF_SECONDS)
    )
