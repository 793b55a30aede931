"""Tell drivers that a token is ready. A hint: a lost one costs until the next sweep.

PostgreSQL carries it to other processes (Store.ring, NOTIFY); this module is the part inside one
process, where web, worker and clock may live together.
"""

from collections.abc import Callable

from django.db import transaction

_listeners: list[Callable[[], None]] = []


def add_listener(listener: Callable[[], None]) -> None:
    """Call ``listener``, from any thread, whenever a token may have become ready."""
    _listeners.append(listener)


def remove_listener(listener: Callable[[], None]) -> None:
    if listener in _listeners:
        _listeners.remove(listener)


def ring() -> None:
    for listener in list(_listeners):
        listener()


def ring_on_commit() -> None:
    """Ring once the current transaction is committed."""
    transaction.on_commit(ring)
