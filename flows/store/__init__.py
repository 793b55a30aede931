"""The store of the database in use."""

from functools import cache

from django.db import connection

from flows.store.base import Store


@cache
def _store(vendor: str) -> Store:
    if vendor == "postgresql":
        from flows.store.postgres import PostgresStore

        return PostgresStore()
    return Store()


def get_store() -> Store:
    return _store(connection.vendor)
