"""Empty the database between tests that commit, the ledger too, which else refuses it.

Django's flush empties each of the seventy tables and makes the permissions anew, which nothing
here uses: a second of two cores for every four tests. Few tables have rows; only those are emptied.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

LEDGER = (
    "audit_entry", "audit_entrypayload", "audit_subjecthead", "audit_block", "audit_blockentry",
    "audit_unsealed",
)  # fmt: skip
# What `migrate` fills for every database, and no test changes.
KEPT = frozenset({"django_content_type", "auth_permission"})


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Take the ledger's triggers away, as who owns the database could, and put them back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in LEDGER:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            for table in LEDGER:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            return
        cursor.execute(
            "SELECT name, sql FROM sqlite_master "
            "WHERE type = 'trigger' AND tbl_name LIKE 'audit_%%'"
        )
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def lift_guards() -> None:
    """Take triggers and foreign keys away until the transaction is rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            return
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")


@pytest.fixture(autouse=True, scope="session")
def only_what_was_written_is_emptied() -> Iterator[None]:
    """Take the place of the flush after each test that commits."""
    case: Any = TransactionTestCase
    original = case._fixture_teardown
    case._fixture_teardown = lambda self: empty_what_was_written()
    yield
    case._fixture_teardown = original


def empty_what_was_written() -> None:
    """Delete the rows of all models' tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        written = _tables_with_rows(connection)
        if not written:
            return
        if connection.vendor == "postgresql":
            # Neither triggers nor foreign keys: all that refers to a row goes as well.
            cursor.execute("SET LOCAL session_replication_role = replica")
            _delete(cursor, written)
        elif written.isdisjoint(LEDGER):
            _delete(cursor, written)
        else:
            with guards_lifted():
                _delete(cursor, written)


def _tables_with_rows(database: BaseDatabaseWrapper) -> set[str]:
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models if model._meta.managed} - KEPT
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in sorted(tables))
    with database.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return {name for (name,) in cursor.fetchall()}


def _delete(cursor: Any, tables: set[str]) -> None:
    for table in sorted(tables):
        cursor.execute(f"DELETE FROM {table}")
