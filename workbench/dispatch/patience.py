"""Repeat calls while the database is away: an outage must not count as a failed step or job."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.db.utils import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

# The database is away, or chose this transaction to end a deadlock: the same call may succeed.
AWAY = (OperationalError, InterfaceError)

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def retry_while_away(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call ``function`` until the database answers, and return its result.

    It must be safe to call twice: nobody knows whether a failed call has committed. Use it outside
    ``atomic`` and never on an event loop, for it sleeps.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return function(*args, **options)
        except AWAY as error:
            logger.warning("The database did not answer; trying again: %s", error)
            reset_connection()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def reset_connection() -> None:
    """Drop this thread's connection, whatever state it is in."""
    try:
        connection.close()
    except DatabaseError:
        close_old_connections()
