"""The statements on timers: set them, take those that are due, wake the tokens they stand for."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from flows.store.dialect import placeholders
from flows.store.rows import TimerRow
from flows.store.runs import RunStatements

TIMER_COLUMNS = "run_id, token_id, activation, purpose, due_at, id, reason, failures"

# How many more deferred timers are looked at than are wanted: they take the place of those whose
# runs are locked.
SPARE_TIMERS = 4


class TimerStatements(RunStatements):
    def insert_timer(self, timer: TimerRow) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO flows_timer (run_id, token_id, activation, purpose, due_at, reason,"
                " failures) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    timer.run_id,
                    timer.token_id,
                    timer.activation,
                    timer.purpose,
                    self.time_in(timer.due_at),
                    timer.reason,
                    timer.failures,
                ],
            )

    def delete_timers(self, token_id: int) -> None:
        """Delete all timers of the token."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM flows_timer WHERE token_id = %s", [token_id])

    def take_due_timers(self, now: datetime, limit: int) -> list[TimerRow]:
        """Lock the runs of timers that are due; delete those timers and return them.

        Fire them in the same transaction. The run is locked before the timer, as everywhere:
        whoever holds a run may be about to delete its timers. A timer whose run somebody else has
        locked is left for the next look.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, run_id FROM flows_timer WHERE due_at <= %s"
                " ORDER BY due_at, id LIMIT %s",
                [self.time_in(now), limit],
            )
            due = cursor.fetchall()
        timers = self._take_timers(due, limit)
        return sorted(timers, key=lambda timer: (timer.run_id, timer.due_at, timer.id))

    def take_deferred(self, reason: str, limit: int) -> list[TimerRow]:
        """Lock the runs of the oldest deferred for ``reason``; delete their timers, return them.

        The run is locked before the timer, as for timers that are due. A timer whose run somebody
        else has locked is passed over for a younger one.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, run_id FROM flows_timer WHERE reason = %s AND reason <> ''"
                " AND purpose = 'defer' ORDER BY id LIMIT %s",
                [reason, limit + SPARE_TIMERS],
            )
            oldest = cursor.fetchall()
        return self._take_timers(oldest, limit)

    def _take_timers(self, found: Sequence[tuple[int, int]], limit: int) -> list[TimerRow]:
        """Take up to ``limit`` timers, given as ``(id, run id)``, whose runs can be locked."""
        free = self._lock_free_runs({run_id for _, run_id in found})
        ids = [timer_id for timer_id, run_id in found if run_id in free][:limit]
        if not ids:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM flows_timer WHERE id IN ({placeholders(ids)})"
                f" RETURNING {TIMER_COLUMNS}",
                ids,
            )
            return [TimerRow(*self._convert(row, time=4)) for row in cursor.fetchall()]

    def wake_deferred(self, timers: Sequence[TimerRow]) -> int:
        """Make the tokens of taken "defer" timers ready to try again, as the same attempt.

        Return how many still waited for that.
        """
        return self._wake_tokens(timers, "attempt")

    def wake_retries(self, timers: Sequence[TimerRow]) -> int:
        """Make the tokens of taken "retry" timers ready for their next attempt.

        Return how many still waited for that.
        """
        return self._wake_tokens(timers, "attempt + 1")

    def _wake_tokens(self, timers: Sequence[TimerRow], attempt: str) -> int:
        woken = 0
        with connection.cursor() as cursor:
            for timer in timers:
                cursor.execute(
                    f"""UPDATE flows_token SET owner = NULL, attempt = {attempt},
                    state = COALESCE((SELECT 'held' FROM flows_run r
                        WHERE r.id = flows_token.run_id AND r.status = 'paused'), 'ready')
                    WHERE id = %s AND activation = %s AND state = 'waiting'""",
                    [timer.token_id, timer.activation],
                )
                woken += cursor.rowcount
        return woken
