"""Repeat calls while the database is away: an outage must not count as a failed step or job."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from workbench.dispatch.outage import is_away, is_passing, outage

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def retry_while_away(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call ``function`` until the database answers, and return its result.

    A statement that fails by itself is not repeated: its error goes up. The function must be safe
    to call twice: nobody knows whether a failed call has committed. Use it outside ``atomic`` and
    never on an event loop, for it sleeps.
    """
    pause, key = FIRST_PAUSE_SECONDS, object()
    try:
        while True:
            try:
                with outage.watch("a worker", key):
                    return function(*args, **options)
            except Exception as error:
                if not is_passing(error):
                    raise
                wait_after(error, pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    finally:
        outage.leave(key)


def wait_after(error: Exception, pause: float) -> None:
    """Drop the connection and sleep, after an error that is passing."""
    if not is_away(error):
        logger.warning("Another transaction was in the way; trying again: %s", error)
    reset_connection()
    time.sleep(pause)


def reset_connection() -> None:
    """Drop this thread's connection, whatever state it is in."""
    try:
        connection.close()
    except DatabaseError:
        close_old_connections()
