"""PostgreSQL's doorbell, rung after the commit, on a connection of its own.

A NOTIFY inside the transaction takes a lock of the whole database until its commit is on disk: with
it, decisions taken at the same time went to disk one after the other. A ring is a hint, and drivers
look each second anyway, so one that is lost with its process costs no more than that.
"""

import logging
import os
import threading
from typing import Any

import psycopg
from django.db import connections

logger = logging.getLogger(__name__)

CHANNEL = "countersign_ring"
# A connection that is not used for so long is closed.
IDLE_SECONDS = 5.0


def connect_apart() -> psycopg.Connection[Any]:
    """Open a connection to the database beside Django's, which commits each statement."""
    params = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(name, None)
    return psycopg.connect(**params, autocommit=True)


class Bell:
    """A thread that rings for whoever asks; who asks while it rings is rung for together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._leaving = False
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Wake the drivers of all processes. Never waits, never raises."""
        with self._lock:
            self._asked.set()
            if self._thread is None:
                self._leaving = False
                self._thread = threading.Thread(target=self._work, name="bell", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Close the connection; the next ring opens another."""
        with self._lock:
            thread, self._leaving = self._thread, True
            self._asked.set()
        if thread is not None:
            thread.join(2)

    def _work(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while self._is_wanted():
            try:
                connection = connection or _open()
                connection.execute(f"NOTIFY {CHANNEL}")
            except psycopg.Error as error:
                logger.warning("The doorbell did not ring: %s", error)
                _close(connection)
                connection = None
        _close(connection)

    def _is_wanted(self) -> bool:
        """Wait for somebody to ask; after a long silence, or when told to, take leave."""
        self._asked.wait(IDLE_SECONDS)
        with self._lock:
            wanted = self._asked.is_set() and not self._leaving
            self._asked.clear()
            if not wanted:
                self._thread = None
            return wanted


def _open() -> psycopg.Connection[Any]:
    connection = connect_apart()
    # A ring need not be on disk.
    connection.execute("SET synchronous_commit = off")
    return connection


def _close(connection: psycopg.Connection[Any] | None) -> None:
    if connection is not None:
        connection.close()


_bell = Bell()


def ring() -> None:
    """Wake the drivers of all processes, this one's among them."""
    _bell.ring()


def close() -> None:
    _bell.close()


def _forget_parent() -> None:
    """Threads and connections do not survive a fork."""
    global _bell  # noqa: PLW0603 - one a process
    _bell = Bell()


os.register_at_fork(after_in_child=_forget_parent)
