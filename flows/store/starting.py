"""The SQL that puts new runs on their first steps: their tokens, and the first row of each journal.

Many runs are started at once, and all begin alike: on PostgreSQL what they have in common is sent
once, and the rows are made by the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from flows.engine import events
from flows.engine.position import READY, TokenView
from flows.store.base import Store
from flows.store.postgres import execute_prepared
from flows.store.rows import JournalRow, Json, TokenRow

_PUT = """
WITH run AS MATERIALIZED (
    SELECT * FROM unnest(%(runs)s::bigint[], %(held)s::boolean[], %(priorities)s::smallint[])
        WITH ORDINALITY AS run (id, is_held, priority, n)
), told AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, port, data, at)
    SELECT id, 1, %(kind)s, '', '', %(data)s::jsonb, %(at)s FROM run
), put AS (
    INSERT INTO flows_token (run_id, step, via, state, fence, activation, attempt, deaths, owner,
        priority, visits, since, pending)
    SELECT run.id, placed.step, placed.via,
        CASE WHEN run.is_held AND placed.state = 'ready' THEN 'held' ELSE placed.state END,
        0, 1, 1, 0, NULL, run.priority, placed.visits, %(at)s, '[]'::jsonb
    FROM run CROSS JOIN json_to_recordset(%(placed)s::json) AS placed (
        n int, step text, via text, state text, visits jsonb)
    ORDER BY run.n, placed.n
)
SELECT 1
"""


@dataclass(frozen=True, slots=True)
class NewRunRow:
    """A run whose row was just inserted, with seq 1. ``is_held``: it is started paused."""

    id: int
    priority: int
    is_held: bool


def put_on_first_steps(
    store: Store,
    runs: Sequence[NewRunRow],
    placed: Sequence[TokenView],
    *,
    data: Json,
    now: datetime,
) -> None:
    """Give each run a token for each of ``placed``, and its journal's first row with ``data``."""
    if not runs:
        return
    if connection.vendor == "postgresql":
        execute_prepared(_PUT, _given(store, runs, placed, data, now))
        return
    store.insert_tokens([_token(run, view, now) for run in runs for view in placed])
    store.write_journal(
        [(1, JournalRow(run.id, events.RUN_STARTED, now, data=data)) for run in runs]
    )


def _given(
    store: Store,
    runs: Sequence[NewRunRow],
    placed: Sequence[TokenView],
    data: Json,
    now: datetime,
) -> dict[str, Any]:
    views = [
        {"n": n, "step": view.step, "via": view.via, "state": view.state, "visits": view.visits}
        for n, view in enumerate(placed)
    ]
    return {
        "runs": [run.id for run in runs],
        "held": [run.is_held for run in runs],
        "priorities": [run.priority for run in runs],
        "kind": events.RUN_STARTED,
        "data": store.json_in(data),
        "placed": store.json_in(views),
        "at": now,
    }


def _token(run: NewRunRow, view: TokenView, now: datetime) -> TokenRow:
    state = "held" if run.is_held and view.state == READY else view.state
    return TokenRow(
        0, run.id, view.step, view.via, state, 0, 1, 1, None, run.priority, view.visits, now
    )
