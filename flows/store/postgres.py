"""PostgreSQL's store: one prepared statement for a whole batch, its rows sent as one document."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from flows.engine import events
from flows.engine.position import TokenView
from flows.store import bell
from flows.store.base import Store
from flows.store.claims import ANY_PRIORITY
from flows.store.postgres_sql import (
    CLAIM,
    COMMIT_MOVES,
    LOCK_OPEN_WAIT,
    RESOLVE_WAITS,
    START_RUNS,
    WRITE_RUNS,
)
from flows.store.prepared import discard_old_plans, execute_prepared
from flows.store.rows import (
    Claim,
    Hop,
    JournalRow,
    Json,
    Move,
    NewRunRow,
    OpenWait,
    RunUpdate,
    RunWrites,
    TokenRow,
)


class PostgresStore(Store):
    json_param = "%s::jsonb"
    lock_rows = "FOR NO KEY UPDATE"
    lock_free_rows = "FOR NO KEY UPDATE SKIP LOCKED"
    rings_other_processes = True

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
        views = [
            {"n": n, "step": view.step, "via": view.via, "state": view.state, "visits": view.visits}
            for n, view in enumerate(placed)
        ]
        params = {
            "runs": [run.id for run in runs],
            "held": [run.is_held for run in runs],
            "priorities": [run.priority for run in runs],
            "kind": events.RUN_STARTED,
            "data": self.json_in(data),
            "placed": self.json_in(views),
            "at": now,
        }
        execute_prepared(START_RUNS, params)

    # --- Driving steps --------------------------------------------------------------------

    def claim(
        self, *, worker_id: int, limit: int, now: datetime, below: int | None = None
    ) -> list[Claim]:
        highest = ANY_PRIORITY if below is None else below
        rows = execute_prepared(CLAIM, [highest, limit, worker_id])
        return [self._read_claim(row[:11], row[11:]) for row in rows]

    def commit_moves(self, moves: Sequence[Move]) -> list[str]:
        document = self.json_in([_move_item(n, move) for n, move in enumerate(moves)])
        discard_old_plans()
        states = dict(execute_prepared(COMMIT_MOVES, [document]))
        return [states.get(n, "") for n in range(len(moves))]

    def write_runs(self, writes: RunWrites) -> None:
        discard_old_plans()
        params = {
            "journal": self.json_in([_journal_item(seq, row) for seq, row in writes.journal]),
            "runs": self.json_in([_run_item(update) for update in writes.runs.values()]),
            "tokens": self.json_in([_token_item(token) for token in writes.tokens.values()]),
            "dropped": writes.deleted_tokens,
        }
        execute_prepared(WRITE_RUNS, params)

    # --- Waits that only move their run to the next step ----------------------------------

    def lock_open_wait(self, wait_id: int) -> OpenWait | None:
        rows = execute_prepared(LOCK_OPEN_WAIT, [wait_id])
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
        if len(waits) > 1:
            discard_old_plans()
        params = {
            "waits": [wait.id for wait in waits],
            "kind": events.STEP_FINISHED,
            "port": hop.port,
            "output": self.json_or_null(output),
            "provenance": self.json_or_null(provenance),
            "step": hop.step,
            "via": hop.via,
            "state": hop.state,
            "at": now,
        }
        return int(execute_prepared(RESOLVE_WAITS, params)[0][0])

    # --- Between transactions and processes -----------------------------------------------

    def lock_key(self, key: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [key])

    def ring(self) -> None:
        transaction.on_commit(bell.ring)


# --- Items of the documents that the statements take apart ---------------------------------


def _move_item(n: int, move: Move) -> dict[str, Json]:
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


def _journal_item(seq: int, row: JournalRow) -> dict[str, Json]:
    return {
        "run": row.run_id,
        "seq": seq,
        "kind": row.kind,
        "step": row.step,
        "token": row.token_id,
        "activation": row.activation,
        "attempt": row.attempt,
        "port": row.port,
        "data": row.data,
        "provenance": row.provenance,
        "worker": row.worker,
        "began_at": row.began_at.isoformat() if row.began_at else None,
        "at": row.at.isoformat(),
    }


def _run_item(update: RunUpdate) -> dict[str, Json]:
    item: dict[str, Json] = {
        "id": update.run.id,
        "seq": update.run.seq,
        "first_error": update.first_error,
    }
    if update.end is not None:
        item |= {
            "status": update.end.status,
            "outcome": update.end.outcome,
            "output": update.end.output,
            "error": update.end.error,
            "finished_at": update.end.at.isoformat(),
        }
    return item


def _token_item(token: TokenRow) -> dict[str, Json]:
    return {
        "id": token.id,
        "step": token.step,
        "via": token.via,
        "state": token.state,
        "fence": token.fence,
        "activation": token.activation,
        "attempt": token.attempt,
        "owner": token.owner,
        "visits": token.visits,
        "since": token.since.isoformat(),
        "pending": token.pending,
    }
