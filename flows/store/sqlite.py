"""SQLite's store. A write transaction holds the one lock of writers, which is all the locking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from flows.engine import events
from flows.engine.position import READY, TokenView
from flows.store.base import Store
from flows.store.claims import ANY_PRIORITY
from flows.store.dialect import placeholders
from flows.store.journal import make_move_row
from flows.store.rows import (
    Claim,
    Hop,
    JournalRow,
    Json,
    Move,
    NewRunRow,
    OpenWait,
    RunEnd,
    RunRow,
    RunWrites,
    TokenRow,
)
from flows.store.write_buffer import WriteBuffer


class SqliteStore(Store):
    """One process, one writer: nothing to lock, nobody to ring for."""

    json_param = "%s"
    lock_rows = ""
    lock_free_rows = ""
    rings_other_processes = False

    # --- Starting runs --------------------------------------------------------------------

    def start_runs(
        self,
        runs: Sequence[NewRunRow],
        placed: Sequence[TokenView],
        *,
        data: Json,
        now: datetime,
    ) -> None:
        if not runs:
            return
        self.insert_tokens([_first_token(run, view, now) for run in runs for view in placed])
        self.insert_journal(
            [(1, JournalRow(run.id, events.RUN_STARTED, now, data=data)) for run in runs]
        )

    # --- Driving steps --------------------------------------------------------------------

    def claim(
        self, *, worker_id: int, limit: int, now: datetime, below: int | None = None
    ) -> list[Claim]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """UPDATE flows_token SET state = 'running', owner = %s, fence = fence + 1
                WHERE id IN (SELECT id FROM flows_token WHERE state = 'ready' AND priority < %s
                             ORDER BY priority, id LIMIT %s)
                RETURNING id, run_id, step, fence, activation, attempt, priority, visits, since,
                    pending, deaths""",
                [worker_id, ANY_PRIORITY if below is None else below, limit],
            )
            tokens = cursor.fetchall()
            runs = self._select_claimed_runs({token[1] for token in tokens})
        tokens.sort(key=lambda token: (token[6], token[0]))
        return [self._read_claim(token, runs[token[1]]) for token in tokens if token[1] in runs]

    def _select_claimed_runs(self, run_ids: set[int]) -> dict[int, tuple[Any, ...]]:
        if not run_ids:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, version_id, started_at, input, parent_wait_id FROM flows_run"
                f" WHERE id IN ({placeholders(run_ids)})",
                list(run_ids),
            )
            return {row[0]: row for row in cursor.fetchall()}

    def commit_moves(self, moves: Sequence[Move]) -> list[str]:
        runs = self.lock_runs({move.claim.run_id for move in moves})
        buffer = WriteBuffer(self)
        states = []
        with connection.cursor() as cursor:
            for move in moves:
                run = runs.get(move.claim.run_id)
                states.append(self._commit_move(cursor, buffer, run, move) if run else "")
        buffer.flush()
        return states

    def _commit_move(
        self, cursor: CursorWrapper, buffer: WriteBuffer, run: RunRow, move: Move
    ) -> str:
        if run.status not in {"running", "paused"}:
            return ""
        state = ("running" if run.status == "running" else "held") if move.step else "ended"
        held = [move.claim.token_id, move.claim.fence, move.claim.activation]
        if move.step:
            cursor.execute(
                """UPDATE flows_token SET step = %s, via = %s, state = %s, since = %s, attempt = 1,
                deaths = 0, activation = activation + 1
                WHERE id = %s AND fence = %s AND activation = %s AND state = 'running'""",
                [move.step, move.via, state, self.time_in(move.at), *held],
            )
        else:
            cursor.execute(
                "DELETE FROM flows_token WHERE id = %s AND fence = %s AND activation = %s"
                " AND state = 'running'",
                held,
            )
        if cursor.rowcount != 1:
            return ""
        buffer.append(run, [make_move_row(move)])
        if not move.step:
            buffer.end_run(run, RunEnd("completed", move.at))
        return state

    def write_runs(self, writes: RunWrites) -> None:
        self.insert_journal(writes.journal)
        self._write_seqs([each.run for each in writes.runs.values() if each.end is None])
        for update in writes.runs.values():
            if update.first_error is not None:
                self._write_first_error(update.run, update.first_error)
            if update.end is not None:
                self._write_end(update.run, update.end)
        for token in writes.tokens.values():
            self.update_token(token)
        self.delete_tokens(writes.deleted_tokens)

    def _write_seqs(self, runs: Sequence[RunRow]) -> None:
        if runs:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE flows_run SET seq = %s WHERE id = %s",
                    [(run.seq, run.id) for run in runs],
                )

    def _write_first_error(self, run: RunRow, error: Json) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_run SET error = %s WHERE id = %s AND error IS NULL",
                [self.json_in(error), run.id],
            )

    def _write_end(self, run: RunRow, end: RunEnd) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE flows_run SET seq = %s, status = %s, outcome = %s, output = %s,
                error = COALESCE(%s, error), finished_at = %s WHERE id = %s""",
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

    # --- Waits that only move their run to the next step ----------------------------------

    def lock_open_wait(self, wait_id: int) -> OpenWait | None:
        rows = self._select_open_waits("AND w.id = %s", [wait_id])
        return next((wait for wait, _ in self._read_open_waits(rows)), None)

    def resolve_waits(
        self,
        waits: Sequence[OpenWait],
        hop: Hop,
        *,
        output: Json,
        now: datetime,
        provenance: Json = None,
    ) -> int:
        marks, at = placeholders(waits), self.time_in(now)
        tokens, runs = [wait.token_id for wait in waits], [wait.run_id for wait in waits]
        written = [self.json_or_null(output), self.json_or_null(provenance)]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE flows_wait SET state = 'resolved', resolved_at = %s WHERE id IN ({marks})",
                [at, *(wait.id for wait in waits)],
            )
            cursor.execute(
                f"""INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation,
                    attempt, port, data, provenance, at)
                SELECT r.id, r.seq + 1, %s, t.step, t.id, t.activation, t.attempt, %s, %s, %s, %s
                FROM flows_token t JOIN flows_run r ON r.id = t.run_id WHERE t.id IN ({marks})""",
                [events.STEP_FINISHED, hop.port, *written, at, *tokens],
            )
            cursor.execute(f"UPDATE flows_run SET seq = seq + 1 WHERE id IN ({marks})", runs)
            cursor.execute(
                f"""UPDATE flows_token SET step = %s, via = %s, state = %s, since = %s,
                    owner = NULL, activation = activation + 1, attempt = 1, deaths = 0
                WHERE id IN ({marks})""",
                [hop.step, hop.via, hop.state, at, *tokens],
            )
            # The time-out of a step that no longer waits.
            cursor.execute(f"DELETE FROM flows_timer WHERE token_id IN ({marks})", tokens)
        return len(waits)

    # --- Between transactions and processes -----------------------------------------------

    def lock_key(self, key: str) -> None:
        """Do nothing: there is one writer anyway."""

    def ring(self) -> None:
        """Do nothing: there are no drivers in other processes."""


def _first_token(run: NewRunRow, view: TokenView, now: datetime) -> TokenRow:
    state = "held" if run.is_held and view.state == READY else view.state
    return TokenRow(
        0, run.id, view.step, view.via, state, 0, 1, 1, None, run.priority, view.visits, now
    )
