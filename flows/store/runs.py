"""The statements on runs: lock their rows, pause, reopen and end them."""

from collections.abc import Iterable, Sequence

from django.db import connection

from flows.store.dialect import placeholders, split_rows
from flows.store.journal import JournalStatements, make_end_row
from flows.store.rows import Json, RunEnd, RunRow


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

    def end_run(self, run: RunRow, end: RunEnd) -> None:
        """End the run and append that to its journal. The caller holds the run's lock."""
        self.append(run, [make_end_row(run, end)])
        run.status = end.status
        self.write_run(run, end)

    def write_run(self, run: RunRow, end: RunEnd | None) -> None:
        """Write the run's seq, and its end if it has ended. The caller holds the run's lock."""
        with connection.cursor() as cursor:
            if end is None:
                cursor.execute("UPDATE flows_run SET seq = %s WHERE id = %s", [run.seq, run.id])
                return
            cursor.execute(
                f"""UPDATE flows_run SET seq = %s, status = %s, outcome = %s,
                output = {self.json_param}, error = COALESCE({self.json_param}, error),
                finished_at = %s WHERE id = %s""",
                [
                    run.seq,
                    end.status,
                    end.outcome,
                    self.json_or_null(end.output),
                    self.json_or_null(end.error),
                    self.time_in(end.at),
                    run.id,
                ],
            )

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

    def set_first_error(self, run_id: int, error: Json) -> None:
        """Set the run's error, unless it has one: what follows from the first is not the cause."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE flows_run SET error = {self.json_param} WHERE id = %s AND error IS NULL",
                [self.json_in(error), run_id],
            )
