"""The statements on workers: their leases, and the tokens that they hold, release or lose."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from flows.store.dialect import placeholders
from flows.store.rows import TokenRow
from flows.store.tokens import COLUMNS, TokenStatements


class WorkerStatements(TokenStatements):
    def register_worker(self, name: str, now: datetime) -> int:
        """Insert a worker, alive now, and return its id."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO flows_worker (name, started_at, beat_at, draining, riders)"
                " VALUES (%s, %s, %s, %s, 0) RETURNING id",
                [name, self.time_in(now), self.time_in(now), False],
            )
            worker_id: int = cursor.fetchone()[0]
        return worker_id

    def beat(self, worker_id: int, *, riders: int, draining: bool, now: datetime) -> bool:
        """Renew the worker's lease; return False if the worker was taken for dead."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_worker SET beat_at = %s, riders = %s, draining = %s WHERE id = %s",
                [self.time_in(now), riders, draining, worker_id],
            )
            return bool(cursor.rowcount == 1)

    def list_workers(self) -> list[tuple[int, str]]:
        """Return ``(id, name)`` of each worker."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, name FROM flows_worker")
            return [(row[0], row[1]) for row in cursor.fetchall()]

    def remove_worker(self, worker_id: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM flows_worker WHERE id = %s", [worker_id])

    def remove_silent_workers(self, *, silent_since: datetime) -> list[tuple[int, str]]:
        """Delete the workers whose last beat is older; return ``(id, name)`` of each."""
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM flows_worker WHERE beat_at < %s RETURNING id, name",
                [self.time_in(silent_since)],
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

    # --- The tokens that they hold --------------------------------------------------------

    def list_held_tokens(self, worker_id: int) -> dict[int, int]:
        """Return ``{token id: fence}`` of what the database says this worker drives."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, fence FROM flows_token WHERE owner = %s AND state = 'running'",
                [worker_id],
            )
            return dict(cursor.fetchall())

    def release(self, held: Mapping[int, int]) -> int:
        """Make held tokens ready under a new fence; ``held`` is ``{token id: fence}``.

        Return how many were still held. No worker died of them, so a suspect's count goes down.
        """
        released = 0
        with connection.cursor() as cursor:
            for token_id, fence in held.items():
                cursor.execute(
                    """UPDATE flows_token SET state = 'ready', owner = NULL, fence = fence + 1,
                    deaths = CASE WHEN deaths > 0 THEN deaths - 1 ELSE 0 END
                    WHERE id = %s AND fence = %s AND state = 'running'""",
                    [token_id, fence],
                )
                released += cursor.rowcount
        return released

    def list_orphans(self, limit: int, *, passed_over: Sequence[int] = ()) -> list[TokenRow]:
        """Return running tokens whose worker no longer exists, but for those passed over."""
        others = f"AND id NOT IN ({placeholders(passed_over)})" if passed_over else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT {COLUMNS} FROM flows_token WHERE state = 'running'
                AND NOT EXISTS (SELECT 1 FROM flows_worker w WHERE w.id = flows_token.owner)
                {others} ORDER BY run_id LIMIT %s""",
                [*passed_over, limit],
            )
            return [self._read_token(row) for row in cursor.fetchall()]

    def take_over(self, token: TokenRow) -> int:
        """Make an orphan ready under a new fence; return its count of deaths, or 0 if it moved.

        The first death makes a suspect of every token that the worker held. Later ones were counted
        before the suspect's call (``count_death_in_advance``), so that a token that only stood
        beside a deadly step is not blamed for it.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE flows_token SET state = 'ready', owner = NULL, fence = fence + 1,
                deaths = CASE WHEN deaths = 0 THEN 1 ELSE deaths END
                WHERE id = %s AND fence = %s AND state = 'running'
                RETURNING deaths""",
                [token.id, token.fence],
            )
            row = cursor.fetchone()
        return row[0] if row else 0
