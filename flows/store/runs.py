"""The statements on runs: lock their rows, pause, resume and reopen them."""

from collections.abc import Iterable, Sequence

from django.db import connection

from flows.store.dialect import placeholders, split_rows
from flows.store.journal import JournalStatements
from flows.store.rows import RunRow


class RunStatements(JournalStatements):
    def lock_runs(self, run_ids: Iterable[int]) -> dict[int, RunRow]:
        """Lock the run rows, in id order, for the rest of the transaction; return them by id."""
        run_ids = sorted(set(run_ids))
        if not run_ids:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT id, status, seq, version_id, flow_id, priority, input, started_at,
                parent_wait_id FROM flows_run
                WHERE id IN ({placeholders(run_ids)}) ORDER BY id {self.lock_rows}""",
                run_ids,
            )
            rows = [RunRow(*self._convert(row, json=6, time=7)) for row in cursor.fetchall()]
        return {row.id: row for row in rows}

    def _lock_free_runs(self, run_ids: set[int]) -> set[int]:
        """Lock the runs that nobody else has locked, and return their ids."""
        if not run_ids:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM flows_run WHERE id IN ({placeholders(run_ids)})"
                f" ORDER BY id {self.lock_free_rows}",
                sorted(run_ids),
            )
            return {row[0] for row in cursor.fetchall()}

    def reopen_run(self, run: RunRow) -> None:
        """Set a failed run running again, without its error. The caller holds the run's lock."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_run SET status = 'running', error = NULL, finished_at = NULL"
                " WHERE id = %s",
                [run.id],
            )
        run.status = "running"

    def set_paused(self, runs: Sequence[RunRow], *, paused: bool) -> None:
        """Pause locked runs and hold their ready tokens, or resume them and make those ready."""
        status, old, new = ("paused", "ready", "held") if paused else ("running", "held", "ready")
        with connection.cursor() as cursor:
            for part in split_rows(runs):
                ids = [run.id for run in part]
                marks = placeholders(ids)
                cursor.execute(
                    f"UPDATE flows_run SET status = %s WHERE id IN ({marks})", [status, *ids]
                )
                cursor.execute(
                    f"UPDATE flows_token SET state = %s WHERE state = %s AND run_id IN ({marks})",
                    [new, old, *ids],
                )
        for run in runs:
            run.status = status
