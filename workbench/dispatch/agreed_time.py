"""The time that all processes agree on: the database's.

A machine's clock may be off, or jump. Where processes act on each other's times (leases, timers,
retries), one that trusted its own clock would take live workers for dead, fire timers an hour early
or put a retry off for a day. So workers and clocks ask the database every few seconds, and in
between count on with their monotonic clock. With SQLite everything runs on one machine, whose clock
is the time.
"""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# The database is asked again when its last answer is older than this.
AGREED_SECONDS = 5.0
# An answer that took longer than this is too imprecise: it may be from the start or the end.
LONGEST_ANSWER_SECONDS = 0.5

_agreed: tuple[float, datetime] | None = None


def now() -> datetime:
    """Return the database's time without asking it; before its first answer, this machine's."""
    if _agreed is None:
        return timezone.now()
    monotonic, moment = _agreed
    return moment + timedelta(seconds=time.monotonic() - monotonic)


def ask_database() -> None:
    """Ask PostgreSQL for its time if the last answer is old. Raises: django.db.Error."""
    global _agreed  # noqa: PLW0603 - one for each process; a reader takes the whole pair
    if connection.vendor != "postgresql":
        return
    asked = time.monotonic()
    if _agreed is not None and asked - _agreed[0] < AGREED_SECONDS:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    took = time.monotonic() - asked
    if took <= LONGEST_ANSWER_SECONDS or _agreed is None:
        _agreed = (asked + took / 2, moment.astimezone(UTC))


def use_own_clock() -> None:
    """Forget the database's answer: from now on, return this machine's time."""
    global _agreed  # noqa: PLW0603
    _agreed = None
