"""Calls that outlast a database that is away: its failure is no failure of a step or a job."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.db.utils import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

# The database is away, or chose us in a deadlock: the same again may succeed.
AWAY = (OperationalError, InterfaceError)

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def patiently(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call ``function``, again and again while the database is away. In a thread, outside atomic.

    It must be one that may be called twice: whether the first call was written is not known.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return function(*args, **options)
        except AWAY as error:
            logger.warning("The database did not answer, trying again: %s", error)
            reset_connection()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def reset_connection() -> None:
    """Drop this thread's connection, whatever state it is in."""
    try:
        connection.close()
    except DatabaseError:
        close_old_connections()
