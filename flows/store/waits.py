"""The statements on waits: open and close them, and find those that only move their run on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from flows.store.dialect import Dialect, placeholders
from flows.store.rows import Json, OpenWait, TimerRow, WaitRow

OPEN_WAITS = """
    SELECT w.id, w.run_id, w.token_id, w.step, w.detail, w.activation, r.status, r.version_id,
        r.seq, t.pending
    FROM flows_wait w
    JOIN flows_token t ON t.id = w.token_id AND t.activation = w.activation
    JOIN flows_run r ON r.id = w.run_id
    WHERE w.state = 'open' AND t.state = 'waiting' AND r.status IN ('running', 'paused')
"""


class WaitStatements(Dialect):
    def insert_wait(self, wait: WaitRow, now: datetime) -> int:
        """Insert an open wait and return its id."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""INSERT INTO flows_wait (run_id, token_id, activation, step, kind, key, state,
                detail, opened_at) VALUES (%s, %s, %s, %s, %s, '', 'open', {self.json_param}, %s)
                RETURNING id""",
                [
                    wait.run_id,
                    wait.token_id,
                    wait.activation,
                    wait.step,
                    wait.kind,
                    self.json_in(wait.detail),
                    self.time_in(now),
                ],
            )
            wait_id: int = cursor.fetchone()[0]
        return wait_id

    def describe_wait(self, wait_id: int, kind: str, key: str, detail: Json) -> None:
        """Write what an open wait waits for."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE flows_wait SET kind = %s, key = %s, detail = {self.json_param}"
                " WHERE id = %s",
                [kind, key, self.json_in(detail), wait_id],
            )

    def get_wait(self, wait_id: int) -> WaitRow | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, run_id, token_id, activation, step, kind, state, detail"
                " FROM flows_wait WHERE id = %s",
                [wait_id],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        values = list(row)
        values[7] = self.json_out(values[7])
        return WaitRow(*values)

    def close_wait(self, wait_id: int, state: str, now: datetime) -> bool:
        """Close an open wait; return False if it was closed before."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_wait SET state = %s, resolved_at = %s"
                " WHERE id = %s AND state = 'open'",
                [state, self.time_in(now), wait_id],
            )
            return bool(cursor.rowcount == 1)

    def cancel_waits(self, token_ids: Sequence[int], now: datetime) -> list[tuple[int, str]]:
        """Cancel the open waits of the tokens; return ``(wait id, step)`` of each."""
        if not token_ids:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE flows_wait SET state = 'cancelled', resolved_at = %s
                WHERE state = 'open' AND token_id IN ({placeholders(token_ids)})
                RETURNING id, step""",
                [self.time_in(now), *token_ids],
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

    def list_open_waits(self, timers: Sequence[TimerRow]) -> list[OpenWait]:
        """Return the timers' waits that are still open and have no compensation to go to."""
        if not timers:
            return []
        wanted = {(timer.token_id, timer.activation) for timer in timers}
        rows = self._select_open_waits(
            f"AND w.token_id IN ({placeholders(timers)})", [timer.token_id for timer in timers]
        )
        return [
            wait
            for wait, activation in self._read_open_waits(rows)
            if (wait.token_id, activation) in wanted
        ]

    def _select_open_waits(self, condition: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(OPEN_WAITS + condition, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _read_open_waits(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[OpenWait, int]]:
        """Return ``(wait, activation)`` of the rows whose token has no compensation to go to."""
        return [
            (
                OpenWait(
                    id_, run, token, step, self.json_out(detail).get("due_port", "done"), status,
                    seq, version,
                ),
                activation,
            )
            for id_, run, token, step, detail, activation, status, version, seq, pending in rows
            if not self.json_out(pending)
        ]  # fmt: skip
