"""PostgreSQL's hot path: one prepared statement for a whole batch of finished steps."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection, transaction

from flows.store import bell
from flows.store.base import ANY_PRIORITY, Store
from flows.store.rows import Claim, Json, Move

# The run rows are locked first, in id order; what then finds its token under another fence or
# activation changes nothing. `seq` is raised by the rows that are really written.
# Each part hands on whole rows, so that none is joined with another: of what a part gives the
# planner knows no size, and once the tables are analyzed it would compare each with each. For the
# same reason the token's state comes with the item and the run's is looked at after it was found:
# how many run now, no statistics tell, and neither is to be searched by it.
COMMIT_MOVES = """
WITH item AS MATERIALIZED (
    SELECT item.*, 'running'::text AS claimed, r.status, r.seq
    FROM json_to_recordset(%s::json) AS item (
        n int, run bigint, token bigint, fence int, activation int, attempt int, worker bigint,
        left_step text, step text, via text, port text, data jsonb, provenance jsonb,
        began_at timestamptz, at timestamptz)
    JOIN flows_run r ON r.id = item.run
    ORDER BY r.id FOR NO KEY UPDATE OF r
), moved AS (
    UPDATE flows_token t SET step = item.step, via = item.via, since = item.at, attempt = 1,
        deaths = 0, activation = t.activation + 1,
        state = CASE item.status WHEN 'paused' THEN 'held' ELSE 'running' END
    FROM item
    WHERE item.step <> '' AND item.status IN ('running', 'paused')
        AND t.id = item.token AND t.fence = item.fence
        AND t.activation = item.activation AND t.state = item.claimed
    RETURNING item.*, t.state
), ended AS (
    DELETE FROM flows_token t USING item
    WHERE item.step = '' AND item.status IN ('running', 'paused')
        AND t.id = item.token AND t.fence = item.fence
        AND t.activation = item.activation AND t.state = item.claimed
    RETURNING item.*, 'ended'::text AS state
), accepted AS (
    SELECT * FROM moved UNION ALL SELECT * FROM ended
), entry AS (
    SELECT run, seq, n, 0 AS part, 'step.finished' AS kind, left_step AS step, token, activation,
        attempt, port, data, provenance, worker, began_at, at
    FROM accepted
    UNION ALL
    SELECT run, seq, n, 1, 'run.completed', '', NULL, NULL, NULL, '',
        '{"outcome": "", "output": null}'::jsonb, NULL, NULL, NULL, at
    FROM ended
), raised AS (
    UPDATE flows_run r SET seq = r.seq + counted.rows,
        status = CASE WHEN over THEN 'completed' ELSE r.status END,
        finished_at = CASE WHEN over THEN counted.at ELSE r.finished_at END
    FROM (
        SELECT run, count(*) AS rows, bool_or(part = 1) AS over, max(at) AS at
        FROM entry GROUP BY run
    ) counted
    WHERE r.id = counted.run
), written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, worker, began_at, at)
    SELECT run, seq + row_number() OVER (PARTITION BY run ORDER BY n, part),
        kind, step, token, activation, attempt, port, data, provenance, worker, began_at, at
    FROM entry
)
SELECT n, state FROM accepted
"""

# A claim need not be on disk. The commit of the step it leads to puts both there; and one that is
# lost with the database before is taken again, by a worker whose commit and the other's exclude
# each other by the activation.
_CLAIM = """
WITH free AS MATERIALIZED (
    SELECT id FROM flows_token WHERE state = 'ready' AND priority < %s
    ORDER BY priority, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE flows_token t SET state = 'running', owner = %s, fence = t.fence + 1
    FROM free WHERE t.id = free.id
    RETURNING t.id, t.run_id, t.step, t.fence, t.activation, t.attempt, t.priority, t.visits,
        t.since, t.pending, t.deaths
)
SELECT taken.*, r.id, r.version_id, r.started_at, r.input, r.parent_wait_id
FROM taken JOIN flows_run r ON r.id = taken.run_id,
    set_config('synchronous_commit', 'off', true)
ORDER BY taken.priority, taken.id
"""


PLANS_HOLD_SECONDS = 1.0
_planned_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


class PostgresStore(Store):
    json_param = "%s::jsonb"
    lock_rows = "FOR NO KEY UPDATE"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def json_or_null(self, value: Json) -> str | None:
        return None if value is None else self.json_in(value)

    def claim(
        self, *, worker_id: int, limit: int, now: datetime, below: int | None = None
    ) -> list[Claim]:
        rows = execute_prepared(
            _CLAIM, [ANY_PRIORITY if below is None else below, limit, worker_id]
        )
        return [self._claim(row[:11], row[11:]) for row in rows]

    def commit_moves(self, moves: Sequence[Move]) -> list[str]:
        items = [_item(n, move) for n, move in enumerate(moves)]
        plan_anew()
        states = dict(execute_prepared(COMMIT_MOVES, [self.json_in(items)]))
        return [states.get(n, "") for n in range(len(moves))]

    def ring(self) -> None:
        transaction.on_commit(bell.ring)


def execute_prepared(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a prepared statement. Django's own cursors bind on the client and never prepare."""
    connection.ensure_connection()
    # As Django's own errors, which say whether to try again.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, params, prepare=True)
        return cursor.fetchall()


def plan_anew() -> None:
    """Let the statements of this connection be planned again, if that is a second ago or more.

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


def _item(n: int, move: Move) -> dict[str, Json]:
    claim = move.claim
    return {
        "n": n,
        "run": claim.run_id,
        "token": claim.token_id,
        "fence": claim.fence,
        "activation": claim.activation,
        "attempt": claim.attempt,
        "worker": move.worker_id,
        "left_step": move.from_step,
        "step": move.step,
        "via": move.via,
        "port": move.port,
        "data": move.output,
        "provenance": move.provenance,
        "began_at": move.began_at.isoformat(),
        "at": move.at.isoformat(),
    }
