"""Circuit breakers by destination: a service that is down gets one probe instead of every call.

The row is the truth. A worker keeps a copy of the rows that is at most a second old, so that a call
to a healthy destination costs no query.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from flows.resilience.errors import Deferred
from flows.resilience.models import Breaker, BreakerState
from workbench.live import nudge_on_commit

logger = logging.getLogger(__name__)

VIEW_SECONDS = 1.0
# Failures further apart than this do not count as failures in a row.
WINDOW = timedelta(seconds=60)
# A probe that has not ended by then is considered lost, and another one may be sent.
PROBE = timedelta(seconds=60)
MOST_DOUBLINGS = 16
ERROR_CHARACTERS = 500
COUNTED = frozenset({"timeout", "connection", "http.5xx"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was admitted; with ``is_probe`` the breaker waits for its outcome."""

    destination: str
    is_probe: bool = False


class BreakerView:
    """This process's copy of the breakers that are open or have failures."""

    def __init__(self) -> None:
        self._rows: dict[str, Breaker] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._read_at > VIEW_SECONDS

    def refresh(self) -> None:
        """Read the rows again if the copy is old. Without a database the old copy stays."""
        with self._lock:
            if not self.is_stale:
                return
            try:
                troubled = Breaker.objects.filter(~Q(state=BreakerState.CLOSED) | Q(failures__gt=0))
                self._rows = {row.destination: row for row in troubled}
            except DatabaseError:
                logger.warning("The breakers could not be read", exc_info=True)
            self._read_at = time.monotonic()

    def forget(self) -> None:
        """Read the rows again at the next use, because this process has changed one."""
        self._read_at = float("-inf")

    def is_troubled(self, destination: str) -> bool:
        return destination in self._rows

    def check(self, destination: str, now: datetime) -> None:
        """Raise Deferred if the copy says that no call, not even a probe, may be made now."""
        row = self._rows.get(destination)
        if row is None or row.state == BreakerState.CLOSED:
            return
        if row.retry_at is not None and row.retry_at > now:
            raise _deferred(row, now)


def admit(destination: str, now: datetime) -> Call:
    """Admit a call. When the breaker is due for a probe, one of the calls becomes the probe.

    Raises: Deferred.
    """
    row = Breaker.objects.filter(destination=destination).first()
    if row is None or row.state == BreakerState.CLOSED:
        return Call(destination)
    # The pause is over, or the probe was lost: the condition is the same.
    taken = (
        Breaker.objects.filter(pk=row.pk, retry_at__lte=now)
        .exclude(state=BreakerState.CLOSED)
        .update(state=BreakerState.HALF_OPEN, retry_at=now + PROBE)
    )
    if taken:
        return Call(destination, is_probe=True)
    row.refresh_from_db()
    if row.state == BreakerState.CLOSED:
        return Call(destination)
    raise _deferred(row, now)


def _deferred(row: Breaker, now: datetime) -> Deferred:
    # While a probe is under way, look again soon: few take as long as they may.
    soon = now + timedelta(seconds=1)
    retry_at = row.retry_at or soon
    until = retry_at if row.state == BreakerState.OPEN else min(retry_at, soon)
    return Deferred(
        f"{row.destination} failed {row.failures} times in a row and is not called"
        f" until a probe succeeds: {row.last_error}",
        kind="breaker",
        scope=f"breaker:{row.destination}"[:200],
        until=max(until, soon),
    )


@transaction.atomic
def record_failure(call: Call, message: str, now: datetime) -> None:
    """Count a failure; open the breaker at the limit, or again if the probe failed."""
    Breaker.objects.bulk_create([Breaker(destination=call.destination)], ignore_conflicts=True)
    row = Breaker.objects.select_for_update().get(destination=call.destination)
    if row.state == BreakerState.CLOSED:
        in_a_row = row.failed_at is not None and now - row.failed_at <= WINDOW
        row.failures = row.failures + 1 if in_a_row else 1
        opens = row.failures >= settings.BREAKER_FAILURES
    else:
        # Calls that were under way when it opened tell nothing new.
        opens = call.is_probe and row.state == BreakerState.HALF_OPEN
        row.failures += opens
    row.failed_at, row.last_error = now, message[:ERROR_CHARACTERS]
    if opens:
        row.openings += 1
        row.opened_at = row.opened_at or now
        row.state, row.retry_at = BreakerState.OPEN, now + _pause(row.openings)
    row.save()
    nudge_on_commit(["health"], {"breaker": row.destination})


def _pause(openings: int) -> timedelta:
    """Return how long an open breaker pauses: it doubles each time a probe fails."""
    growth = 2 ** min(openings - 1, MOST_DOUBLINGS)
    longest = settings.BREAKER_LONGEST_PAUSE_SECONDS
    return timedelta(seconds=min(settings.BREAKER_PAUSE_SECONDS * growth, longest))


def record_success(call: Call) -> None:
    """Close the breaker after its probe, or reset the failures of a closed one."""
    rows = Breaker.objects.filter(destination=call.destination)
    expected = BreakerState.HALF_OPEN if call.is_probe else BreakerState.CLOSED
    if rows.filter(state=expected).update(**CLOSED):
        nudge_on_commit(["health"], {"breaker": call.destination})


CLOSED = {
    "state": BreakerState.CLOSED,
    "failures": 0,
    "openings": 0,
    "opened_at": None,
    "retry_at": None,
}
