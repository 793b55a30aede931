"""The journal's statements: append rows to a run's journal, and look something up in it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from flows.engine import events
from flows.store.dialect import Dialect, placeholders
from flows.store.rows import Claim, JournalRow, Json, Move, RunEnd, RunRow, TokenRow


class JournalStatements(Dialect):
    def append_event(self, run: RunRow, kind: str, data: Json, now: datetime) -> None:
        """Append one row that concerns the run as a whole. The caller holds the run's lock."""
        self.append(run, [JournalRow(run.id, kind, now, data=data)])

    def append(self, run: RunRow, rows: Sequence[JournalRow]) -> None:
        """Append to the run's journal, numbering the rows. The caller holds the run's lock."""
        if not rows:
            return
        numbered = list(enumerate(rows, run.seq + 1))
        run.seq += len(rows)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flows_run SET seq = %s WHERE id = %s", [run.seq, run.id])
        self.insert_journal(numbered)

    def insert_journal(self, numbered: Sequence[tuple[int, JournalRow]]) -> None:
        """Insert rows given as ``(seq, row)``; the caller raises the seq of their runs."""
        if not numbered:
            return
        with connection.cursor() as cursor:
            cursor.executemany(
                f"""INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation,
                attempt, port, data, provenance, worker, began_at, at)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, {self.json_param}, {self.json_param},
                    %s, %s, %s)""",
                [self._journal_values(seq, row) for seq, row in numbered],
            )

    def _journal_values(self, seq: int, row: JournalRow) -> list[Any]:
        return [
            row.run_id,
            seq,
            row.kind,
            row.step,
            row.token_id,
            row.activation,
            row.attempt,
            row.port,
            self.json_or_null(row.data),
            self.json_or_null(row.provenance),
            row.worker,
            self.time_in(row.began_at),
            self.time_in(row.at),
        ]

    # --- Looking something up -------------------------------------------------------------

    def get_outputs(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return ``{step: {"output": …, "port": …}}`` of the newest finish of each step."""
        steps = list(steps)
        if not steps:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT step, port, data FROM flows_journal
                WHERE run_id = %s AND kind IN ('step.finished', 'join.fired')
                AND step IN ({placeholders(steps)}) ORDER BY seq""",
                [run_id, *steps],
            )
            return {
                step: {"output": self.json_out(data), "port": port}
                for step, port, data in cursor.fetchall()
            }

    def list_finished_since_compensation(self, run_id: int, steps: Iterable[str]) -> list[str]:
        """Return which of the steps finished since the last compensation, newest first."""
        steps = list(steps)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT step FROM flows_journal WHERE run_id = %s AND kind = 'step.finished'
                AND step IN ({placeholders(steps)}) AND seq > COALESCE((SELECT max(seq)
                    FROM flows_journal WHERE run_id = %s AND kind = 'compensation.started'), 0)
                ORDER BY seq DESC""",
                [run_id, *steps, run_id],
            )
            return [row[0] for row in cursor.fetchall()]

    def get_first_attempt_at(self, claim: Claim) -> datetime:
        """Return when the activation's first attempt began: the anchor of its deadline."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT min(began_at) FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND kind = 'step.retrying'""",
                [claim.run_id, claim.token_id, claim.activation],
            )
            row = cursor.fetchone()
        return self.time_out(row[0]) if row and row[0] else claim.since

    def get_last_deferral(self, token: TokenRow) -> Json:
        """Return the data of the journal's last deferral of the token's attempt, or None."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT data FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND attempt = %s AND kind = 'step.deferred'
                ORDER BY seq DESC LIMIT 1""",
                [token.run_id, token.id, token.activation, token.attempt],
            )
            row = cursor.fetchone()
        return self.json_out(row[0]) if row else None

    def failed_by_deaths(self, token: TokenRow) -> bool:
        """Return whether the activation failed because its workers died.

        What such an activation did before it failed is not known.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT data FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND kind = 'step.failed' ORDER BY seq DESC LIMIT 1""",
                [token.run_id, token.id, token.activation],
            )
            row = cursor.fetchone()
        return bool(row) and (self.json_out(row[0]) or {}).get("kind") == "poison"


def make_end_row(run: RunRow, end: RunEnd) -> JournalRow:
    """Return the journal row that says how the run ended."""
    kind = {
        "completed": events.RUN_COMPLETED,
        "failed": events.RUN_FAILED,
        "cancelled": events.RUN_CANCELLED,
    }[end.status]
    data = {"outcome": end.outcome, "output": end.output}
    return JournalRow(run.id, kind, end.at, data=end.error or data)


def make_move_row(move: Move) -> JournalRow:
    """Return the journal row of the step that the move finished."""
    return JournalRow(
        run_id=move.claim.run_id,
        kind=events.STEP_FINISHED,
        at=move.at,
        step=move.from_step,
        token_id=move.claim.token_id,
        activation=move.claim.activation,
        attempt=move.claim.attempt,
        port=move.port,
        data=move.output,
        provenance=move.provenance,
        worker=move.worker_id,
        began_at=move.began_at,
    )
