"""Let the tests' own flush empty the ledger, which the database otherwise refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

TABLES = (
    "audit_entry", "audit_entrypayload", "audit_subjecthead", "audit_block", "audit_blockentry",
    "audit_unsealed",
)  # fmt: skip


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Take the triggers away, as someone who owns the database could, and put them back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            for table in TABLES:
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


@pytest.fixture(autouse=True, scope="session")
def flush_may_empty_the_ledger() -> Iterator[None]:
    """Wrap the statement runner that Django's flush uses after each transactional test."""
    operations: Any = type(connection.ops)
    original = operations.execute_sql_flush

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        with guards_lifted():
            original(self, sql_list)

    operations.execute_sql_flush = execute_sql_flush
    yield
    operations.execute_sql_flush = original
