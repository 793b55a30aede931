"""The SQL that ends many waits at once, where all that follows is the next step of each run.

Portable and set-based: as many statements for five hundred waits as for one. The caller holds the
locks of the runs, as ``take_due_timers`` leaves them, which is what makes reading first safe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from flows.engine import events
from flows.store.base import Store
from flows.store.rows import Json, TimerRow


@dataclass(frozen=True, slots=True)
class DueWait:
    """An open wait whose time has come: the port it leaves by, and what is to be known to move."""

    id: int
    run_id: int
    token_id: int
    step: str
    port: str
    run_status: str
    version_id: int


@dataclass(frozen=True, slots=True)
class Hop:
    """What many waits have in common: from a step by a port over an edge to the next step."""

    port: str
    via: str
    step: str
    state: str


def due_waits(store: Store, timers: Sequence[TimerRow]) -> list[DueWait]:
    """Return the open waits of the timers whose tokens still wait, with no compensation to go to.

    The others are for whoever looks at each alone.
    """
    if not timers:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT w.id, w.run_id, w.token_id, w.step, w.detail, w.activation, r.status,
                r.version_id, t.pending
            FROM flows_wait w
            JOIN flows_token t ON t.id = w.token_id AND t.activation = w.activation
            JOIN flows_run r ON r.id = w.run_id
            WHERE w.state = 'open' AND t.state = 'waiting' AND r.status IN ('running', 'paused')
            AND w.token_id IN ({_marks(timers)})""",
            [timer.token_id for timer in timers],
        )
        rows = cursor.fetchall()
    wanted = {(timer.token_id, timer.activation) for timer in timers}
    return [
        DueWait(
            id_, run, token, step, store.json_out(detail).get("due_port", "done"), status, version
        )
        for id_, run, token, step, detail, activation, status, version, pending in rows
        if (token, activation) in wanted and not store.json_out(pending)
    ]


def move_on(store: Store, waits: Sequence[DueWait], hop: Hop, output: Json, now: datetime) -> None:
    """Close the waits, journal their steps as finished, and put each token on the next step."""
    ids, tokens = [wait.id for wait in waits], [wait.token_id for wait in waits]
    runs = [wait.run_id for wait in waits]
    marks, at = _marks(waits), store.time_in(now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE flows_wait SET state = 'resolved', resolved_at = %s WHERE id IN ({marks})",
            [at, *ids],
        )
        cursor.execute(
            f"""INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt,
                port, data, at)
            SELECT r.id, r.seq + 1, %s, t.step, t.id, t.activation, t.attempt, %s,
                {store.json_param}, %s
            FROM flows_token t JOIN flows_run r ON r.id = t.run_id WHERE t.id IN ({marks})""",
            [events.STEP_FINISHED, hop.port, store.json_in(output), at, *tokens],
        )
        cursor.execute(f"UPDATE flows_run SET seq = seq + 1 WHERE id IN ({marks})", runs)
        cursor.execute(
            f"""UPDATE flows_token SET step = %s, via = %s, state = %s, since = %s, owner = NULL,
                activation = activation + 1, attempt = 1, deaths = 0 WHERE id IN ({marks})""",
            [hop.step, hop.via, hop.state, at, *tokens],
        )
        # The time-out of a step that no longer waits.
        cursor.execute(f"DELETE FROM flows_timer WHERE token_id IN ({marks})", tokens)


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
