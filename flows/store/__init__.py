"""The store of the database in use. Nothing outside asks which database that is."""

from django.db import connection

from flows.store.base import Store
from flows.store.postgres import PostgresStore
from flows.store.sqlite import SqliteStore

_STORES: dict[str, Store] = {"postgresql": PostgresStore(), "sqlite": SqliteStore()}


def get_store() -> Store:
    """Return the store of the database that Django is connected to."""
    return _STORES[connection.vendor]
