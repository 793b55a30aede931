"""Rows that the database refuses to change, until they are mended."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

FUNCTION = """CREATE OR REPLACE FUNCTION refuse_poisoned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'This row is poisoned.' USING ERRCODE = 'check_violation'; END $$"""


@contextmanager
def refusing(table: str, operation: str, condition: str) -> Iterator[None]:
    """Have the database refuse an UPDATE or DELETE of the rows of which ``condition`` is true."""
    on_postgres = connection.vendor == "postgresql"
    head = f"CREATE TRIGGER poisoned BEFORE {operation} ON {table} FOR EACH ROW WHEN ({condition})"
    with connection.cursor() as cursor:
        if on_postgres:
            cursor.execute(FUNCTION)
            cursor.execute(f"{head} EXECUTE FUNCTION refuse_poisoned()")
        else:
            cursor.execute(f"{head} BEGIN SELECT RAISE(ABORT, 'This row is poisoned.'); END")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER poisoned{f' ON {table}' if on_postgres else ''}")
