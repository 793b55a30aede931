"""Call something once the transaction around the caller has ended, however it ended.

Django's ``on_commit`` is for a commit alone. After a rollback, too, Django sets the connection back
to autocommit, and nothing of the transaction is left by then: so that is where this waits.
"""

from collections.abc import Callable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def is_in_transaction() -> bool:
    """Return whether what is written here may yet be rolled back.

    The transaction that a test runs in does not count: it ends after the test has looked.
    """
    blocks = connections[DEFAULT_DB_ALIAS].atomic_blocks
    return bool(blocks) and not blocks[0]._from_testcase  # type: ignore[attr-defined]  # noqa: SLF001


class AtTheEnd:
    """Stands in for a connection's ``set_autocommit`` until the transaction of now has ended.

    ``waiting`` is for whoever made it; ``call`` is called after the end, outside of a transaction.
    A transaction whose connection broke ends with the next one on that thread.
    """

    def __init__(self, database: BaseDatabaseWrapper, call: Callable[[list[Any]], None]) -> None:
        self.waiting: list[Any] = []
        self._database, self._call = database, call
        self._set_autocommit = database.set_autocommit

    def __call__(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        try:
            self._set_autocommit(autocommit, *args, **kwargs)
        finally:
            if autocommit:
                # Uncovers the method of the class. A hook that Django calls within may have come
                # here first, by a transaction of its own.
                vars(self._database).pop("set_autocommit", None)
                waiting, self.waiting = self.waiting, []
                if waiting:
                    self._call(waiting)


def get_waiting(call: Callable[[list[Any]], None]) -> list[Any]:
    """Return what waits for the end of the transaction, to be added to: ``call`` then gets it."""
    database = connections[DEFAULT_DB_ALIAS]
    end = vars(database).get("set_autocommit")
    if not isinstance(end, AtTheEnd):
        end = AtTheEnd(database, call)
        database.set_autocommit = end  # type: ignore[method-assign]
    return end.waiting
