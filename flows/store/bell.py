"""Wake the drivers of all processes by NOTIFY, after the commit, on a connection of its own.

A NOTIFY inside the transaction takes a lock of the whole database until its commit is on disk: with
it, decisions taken at the same time went to disk one after the other. A ring is a hint: one that is
lost with its process costs at most the second after which drivers look anyway.
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


def connect_outside_django() -> psycopg.Connection[Any]:
    """Open a connection to the database beside Django's. It commits each statement."""
    params = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(name, None)
    return psycopg.connect(**params, autocommit=True)


class Bell:
    """Rings from a thread of its own; requests that come while it rings share the next ring."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Wake the drivers of all processes. Never waits, never raises."""
        with self._lock:
            self._requested.set()
            if self._thread is None:
                self._closing = False
                self._thread = threading.Thread(target=self._work, name="bell", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Close the connection; the next ring opens another."""
        with self._lock:
            thread, self._closing = self._thread, True
            self._requested.set()
        if thread is not None:
            thread.join(2)

    def _work(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while self._wait_for_request():
            try:
                connection = connection or _open()
                connection.execute(f"NOTIFY {CHANNEL}")
            except psycopg.Error as error:
                logger.warning("The doorbell did not ring: %s", error)
                _close(connection)
                connection = None
        _close(connection)

    def _wait_for_request(self) -> bool:
        """Wait for a request and return True; return False to end, when closed or idle for long."""
        self._requested.wait(IDLE_SECONDS)
        with self._lock:
            is_requested = self._requested.is_set() and not self._closing
            self._requested.clear()
            if not is_requested:
                self._thread = None
            return is_requested


def _open() -> psycopg.Connection[Any]:
    connection = connect_outside_django()
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


def _replace_bell() -> None:
    """Start with a new bell: threads and connections do not survive a fork."""
    global _bell  # noqa: PLW0603 - one a process
    _bell = Bell()


os.register_at_fork(after_in_child=_replace_bell)
