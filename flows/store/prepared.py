"""Run prepared statements on Django's connection to PostgreSQL."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

PLANS_HOLD_SECONDS = 1.0
_planned_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


def execute_prepared(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement, prepared, and return its rows.

    Django's own cursors bind on the client and never prepare.
    """
    connection.ensure_connection()
    # As Django's own errors, which say whether to try again.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, params, prepare=True)
        return cursor.fetchall()


def discard_old_plans() -> None:
    """Have this connection's statements planned again, if that was a second ago or longer.

    A plan that was made while the tables were tiny compares each of their rows with each of the
    batch. PostgreSQL keeps it until it has analyzed them, which may be a minute after they have
    grown: until then a step would cost ten times as much.
    """
    connection.ensure_connection()
    raw, now = connection.connection, time.monotonic()
    if now - _planned_at.get(raw, 0.0) >= PLANS_HOLD_SECONDS:
        with connection.wrap_database_errors:
            raw.execute("DISCARD PLANS")
        _planned_at[raw] = now
