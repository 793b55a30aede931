"""The SQL that ends waits where all that follows is the next step of each run.

Set-based: as many statements for five hundred waits as for one, and on PostgreSQL a single one. The
caller holds the locks of the runs, which is what makes reading first safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from flows.engine import events
from flows.store.base import Store
from flows.store.postgres import execute_prepared, plan_anew
from flows.store.rows import Json, TimerRow

_OPEN_WAITS = """
    SELECT w.id, w.run_id, w.token_id, w.step, w.detail, w.activation, r.status, r.version_id,
        r.seq, t.pending
    FROM flows_wait w
    JOIN flows_token t ON t.id = w.token_id AND t.activation = w.activation
    JOIN flows_run r ON r.id = w.run_id
    WHERE w.state = 'open' AND t.state = 'waiting' AND r.status IN ('running', 'paused')
"""

# What waited for the run's lock sees the run as it is then, and the rest as it was before: so the
# statement that moves looks once more.
_LOCK_OPEN_WAIT = _OPEN_WAITS + " AND w.id = %s FOR NO KEY UPDATE OF r"

_MOVE_ON = """
WITH closed AS (
    UPDATE flows_wait w SET state = 'resolved', resolved_at = %(at)s
    FROM flows_token t
    WHERE w.id = ANY(%(waits)s) AND w.state = 'open' AND t.id = w.token_id
        AND t.activation = w.activation AND t.state = 'waiting' AND t.pending = '[]'::jsonb
    RETURNING w.run_id, w.token_id
), stood AS MATERIALIZED (
    SELECT t.id, t.run_id, t.step, t.activation, t.attempt
    FROM flows_token t JOIN closed ON closed.token_id = t.id
), raised AS (
    UPDATE flows_run r SET seq = r.seq + 1 FROM closed WHERE r.id = closed.run_id
    RETURNING r.id, r.seq
), written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, at)
    SELECT raised.id, raised.seq, %(kind)s, stood.step, stood.id, stood.activation, stood.attempt,
        %(port)s, %(output)s::jsonb, %(provenance)s::jsonb, %(at)s
    FROM stood JOIN raised ON raised.id = stood.run_id
), moved AS (
    UPDATE flows_token t SET step = %(step)s, via = %(via)s, state = %(state)s, since = %(at)s,
        owner = NULL, activation = t.activation + 1, attempt = 1, deaths = 0
    FROM closed WHERE t.id = closed.token_id
), over AS (
    DELETE FROM flows_timer USING closed WHERE flows_timer.token_id = closed.token_id
)
SELECT count(*) FROM closed
"""


@dataclass(frozen=True, slots=True)
class OpenWait:
    """An open wait whose token still waits, with no compensation to go to.

    ``due_port`` is the port that it leaves by when its time comes.
    """

    id: int
    run_id: int
    token_id: int
    step: str
    due_port: str
    run_status: str
    run_seq: int
    version_id: int


@dataclass(frozen=True, slots=True)
class Hop:
    """What many waits have in common: from a step by a port over an edge to the next step."""

    port: str
    via: str
    step: str
    state: str


def waits_of_timers(store: Store, timers: Sequence[TimerRow]) -> list[OpenWait]:
    """Return the open waits of the timers. The others are for whoever looks at each alone."""
    if not timers:
        return []
    wanted = {(timer.token_id, timer.activation) for timer in timers}
    where = f"AND w.token_id IN ({_marks(timers)})"
    return [
        wait
        for wait, activation in _read(store, _rows(where, [timer.token_id for timer in timers]))
        if (wait.token_id, activation) in wanted
    ]


def lock_open_wait(store: Store, wait_id: int) -> OpenWait | None:
    """Lock the run of an open wait and return the wait; None if there is nothing to move."""
    if connection.vendor == "postgresql":
        rows = execute_prepared(_LOCK_OPEN_WAIT, [wait_id])
    else:
        # The transaction holds SQLite's one lock of writers.
        rows = _rows("AND w.id = %s", [wait_id])
    return next((wait for wait, _ in _read(store, rows)), None)


def _rows(where: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_WAITS + where, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _read(store: Store, rows: Sequence[tuple[Any, ...]]) -> list[tuple[OpenWait, int]]:
    return [
        (
            OpenWait(
                id_, run, token, step, store.json_out(detail).get("due_port", "done"), status, seq,
                version,
            ),
            activation,
        )
        for id_, run, token, step, detail, activation, status, version, seq, pending in rows
        if not store.json_out(pending)
    ]  # fmt: skip


def move_on(
    store: Store,
    waits: Sequence[OpenWait],
    hop: Hop,
    *,
    output: Json,
    now: datetime,
    provenance: Json = None,
) -> int:
    """Close the waits, journal their steps as finished, and put each token on the next step.

    At most one wait of each run. Returns how many were still there to be closed.
    """
    given = {
        "waits": [wait.id for wait in waits],
        "kind": events.STEP_FINISHED,
        "port": hop.port,
        "output": store.json_or_null(output),
        "provenance": store.json_or_null(provenance),
        "step": hop.step,
        "via": hop.via,
        "state": hop.state,
        "at": store.time_in(now),
    }
    if connection.vendor == "postgresql":
        if len(waits) > 1:
            plan_anew()
        return int(execute_prepared(_MOVE_ON, given)[0][0])
    _move_on_one_after_the_other(waits, given)
    return len(waits)


def _move_on_one_after_the_other(waits: Sequence[OpenWait], given: Mapping[str, Any]) -> None:
    marks, at = _marks(waits), given["at"]
    tokens = [wait.token_id for wait in waits]
    runs = [wait.run_id for wait in waits]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE flows_wait SET state = 'resolved', resolved_at = %s WHERE id IN ({marks})",
            [at, *given["waits"]],
        )
        cursor.execute(
            f"""INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt,
                port, data, provenance, at)
            SELECT r.id, r.seq + 1, %s, t.step, t.id, t.activation, t.attempt, %s, %s, %s, %s
            FROM flows_token t JOIN flows_run r ON r.id = t.run_id WHERE t.id IN ({marks})""",
            [given["kind"], given["port"], given["output"], given["provenance"], at, *tokens],
        )
        cursor.execute(f"UPDATE flows_run SET seq = seq + 1 WHERE id IN ({marks})", runs)
        cursor.execute(
            f"""UPDATE flows_token SET step = %s, via = %s, state = %s, since = %s, owner = NULL,
                activation = activation + 1, attempt = 1, deaths = 0 WHERE id IN ({marks})""",
            [given["step"], given["via"], given["state"], at, *tokens],
        )
        # The time-out of a step that no longer waits.
        cursor.execute(f"DELETE FROM flows_timer WHERE token_id IN ({marks})", tokens)


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
