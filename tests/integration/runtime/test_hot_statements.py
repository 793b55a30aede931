"""How PostgreSQL carries out what is asked of it for each step."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from flows.store import prepared
from flows.store.postgres_sql import COMMIT_MOVES
from flows.store.prepared import discard_old_plans, execute_prepared
from tests.driving import start
from tests.factories.probes import publish_flow

pytestmark = pytest.mark.django_db(transaction=True)

MADE_MANY = """
    INSERT INTO flows_token (run_id, step, via, state, fence, activation, attempt, deaths, priority,
        visits, pending, since)
    SELECT run_id, step, via, state, fence, activation, attempt, deaths, priority, visits, pending,
        since
    FROM flows_token, generate_series(1, 2000)
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def kept_plan(statement: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_prepared_statements WHERE statement LIKE %s",
            [statement[:60] + "%"],
        )
        [[name]] = cursor.fetchall()
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ('[]')")
        [[explained]] = cursor.fetchall()
    return list(nodes(explained[0]["Plan"]))


def test_a_plan_for_tiny_tables_is_not_kept_once_they_have_grown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor != "postgresql":
        return  # it plans each statement
    with connection.cursor() as cursor:
        # What earlier tests have deleted or rolled back makes the pages look emptier than they are.
        cursor.execute("TRUNCATE flows_run, flows_token CASCADE")
    start(publish_flow("a -> b"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE flows_run, flows_token")
    for _ in range(8):  # more than the five that PostgreSQL plans for their own values
        execute_prepared(COMMIT_MOVES, ["[]"])
    with connection.cursor() as cursor:
        cursor.execute(MADE_MANY)
    monkeypatch.setattr(prepared, "PLANS_HOLD_SECONDS", 0.0)
    discard_old_plans()
    loops = [node for node in kept_plan(COMMIT_MOVES) if node["Node Type"] == "Nested Loop"]
    assert loops
    assert not [loop for loop in loops if loop["Plans"][1]["Node Type"] == "CTE Scan"]
