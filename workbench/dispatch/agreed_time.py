"""The time that all processes agree on: the database's.

A machine's clock may be off, or jump. Where processes act on each other's times (leases, timers,
retries), one that believed its own clock would bury the living, fire timers an hour early, or put a
retry off for a day. So workers and clocks ask the database now and then, and count on from there by
their monotonic clock. SQLite is one machine, whose clock is the time.
"""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# Asked anew when the last answer is older.
AGREED_SECONDS = 5.0
# An answer that took longer says too little.
LONGEST_ANSWER_SECONDS = 0.5

_agreed: tuple[float, datetime] | None = None


def now() -> datetime:
    """Return the database's time, without asking it. Where nobody has agreed, the own clock's."""
    if _agreed is None:
        return timezone.now()
    monotonic, moment = _agreed
    return moment + timedelta(seconds=time.monotonic() - monotonic)


def agree() -> None:
    """Ask the database for its time, if the last answer is old. Raises: django.db.Error."""
    global _agreed  # noqa: PLW0603 - one time a process; whoever reads takes the whole pair
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


def forget() -> None:
    """Go by the own clock again."""
    global _agreed  # noqa: PLW0603
    _agreed = None
