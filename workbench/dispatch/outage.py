"""Tell a database or a store that is away from what failed, and log an outage in two lines."""

import logging
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import psycopg
from django.db.utils import InterfaceError, OperationalError

from workbench.files.errors import StoreAway

logger = logging.getLogger(__name__)

# What drivers raise where the database is away; for some statements that failed too (is_away).
AWAY = (OperationalError, InterfaceError)
_AWAY_HERE = (*AWAY, psycopg.OperationalError, psycopg.InterfaceError)
LOGGED_SECONDS = 600.0

# PostgreSQL: cancelled by a timeout; a lock not granted in time; a transaction that took too long;
# beyond a limit of programs; an object that is not in a fit state.
_FAILED_STATES = ("57014", "25P04", "54", "55")
# PostgreSQL: it was chosen to end a deadlock, or to keep transactions apart.
_CONFLICT = "40"
_SQLITE_ERROR, _SQLITE_INTERRUPT = 1, 9
# SQLite ends a transaction itself when the disk is full: what follows it then fails like this.
_OF_AN_ENDED_TRANSACTION = ("savepoint", "transaction", "logic error")


def is_away(error: BaseException) -> bool:
    """Return whether the database, or the store of files, cannot be used now."""
    return isinstance(error, StoreAway) or _is_database_away(error)


def _is_database_away(error: BaseException) -> bool:
    return isinstance(error, _AWAY_HERE) and not (_is_failed(error) or _is_conflict(error))


def is_passing(error: BaseException) -> bool:
    """Return whether the same call may succeed later: database or store are away, or a conflict.

    A statement that failed by itself, as by a time limit, is not passing: it would fail again.
    """
    return isinstance(error, StoreAway) or (isinstance(error, _AWAY_HERE) and not _is_failed(error))


def _is_failed(error: BaseException) -> bool:
    code = getattr(_cause_of(error), "sqlite_errorcode", None)
    if code is not None:
        own = not any(words in str(error) for words in _OF_AN_ENDED_TRANSACTION)
        return code == _SQLITE_INTERRUPT or (code == _SQLITE_ERROR and own)
    return _state_of(error).startswith(_FAILED_STATES)


def _is_conflict(error: BaseException) -> bool:
    return _state_of(error).startswith(_CONFLICT)


def _state_of(error: BaseException) -> str:
    return getattr(_cause_of(error), "sqlstate", None) or ""


def _cause_of(error: BaseException) -> BaseException:
    """Return the driver's error, which Django's has as its cause."""
    return error.__cause__ or error


class Outage:
    """An outage of the database or the store, as this process finds it.

    It logs a line when it begins, one each ten minutes, and one when all who found it have got an
    answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[Hashable] = set()
        self._since: float | None = None
        self._said_at = 0.0
        self._ended_at = 0.0

    @contextmanager
    def watch(self, who: str, key: Hashable = None) -> Iterator[None]:
        """Note what becomes of one attempt at the database by ``who``; errors go on.

        ``key`` tells those apart who have the same name.
        """
        began_at = time.monotonic()
        try:
            yield
        except Exception as error:
            if is_away(error):
                self._find(who, key or who, error, began_at)
            else:
                self._get_answer(key or who)
            raise
        self._get_answer(key or who)

    def leave(self, key: Hashable) -> None:
        """Wait no longer for an answer to ``key``, which does not ask again."""
        if key in self._waiting:
            with self._lock:
                self._waiting.discard(key)

    def _find(self, who: str, key: Hashable, error: Exception, began_at: float) -> None:
        at = time.monotonic()
        with self._lock:
            if began_at < self._ended_at:
                return  # asked before others got an answer: it is the outage that has ended
            self._waiting.add(key)
            if self._since is not None and at - self._said_at < LOGGED_SECONDS:
                return
            self._since = at if self._since is None else self._since
            self._said_at = at
        cause = " ".join(str(error).split())
        what = "store of files" if isinstance(error, StoreAway) else "database"
        logger.error("The %s does not answer; %s tries again until it does: %s", what, who, cause)

    def _get_answer(self, key: Hashable) -> None:
        if self._since is None:
            return
        with self._lock:
            self._waiting.discard(key)
            if self._waiting or self._since is None:
                return
            since, self._since, self._ended_at = self._since, None, time.monotonic()
        logger.warning("What was away answers again after %.1f s", time.monotonic() - since)


outage = Outage()
