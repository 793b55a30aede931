"""The hot path's SQL, in one place. This class is portable; PostgresStore replaces what is hot.

Every method works on Django's connection of the calling thread. The lock order everywhere is: run
rows by id, then whatever hangs on them; the run row is the lock of all its tokens, except that a
claim takes a ready token alone and skips what is locked.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from flows.engine import events
from flows.store.rows import (
    Claim,
    JournalRow,
    Json,
    Move,
    RunEnd,
    RunRow,
    TimerRow,
    TokenRow,
    WaitRow,
)

_CLAIM_COLUMNS = (
    "id, run_id, step, fence, activation, attempt, priority, visits, since, pending, deaths"
)
_LIVE_COLUMNS = (
    "id, run_id, step, via, state, fence, activation, attempt, owner, priority, visits, since,"
    " pending"
)

# SQLite takes 32,766 values in a statement.
YOUNGER_ONES = 4  # that may take the place of the oldest deferred whose runs are locked
ROWS_A_STATEMENT = 1_000

# Above what a smallint holds.
ANY_PRIORITY = 2**15

_TIMER_COLUMNS = "run_id, token_id, activation, purpose, due_at, id, reason, failures"


class Store:
    """SQLite's store, and the portable part of PostgreSQL's."""

    json_param = "%s"
    lock_rows = ""
    skip_locked = ""

    # --- Values ---

    def json_in(self, value: Json) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def json_or_null(self, value: Json) -> str | None:
        return None if value is None else self.json_in(value)

    def json_out(self, value: Any) -> Json:
        if not isinstance(value, str):
            return value
        # What nearly every token has, of the thousands that one run may have.
        if value == "{}":
            return {}
        if value == "[]":
            return []
        return json.loads(value)

    def time_in(self, value: datetime | None) -> Any:
        return None if value is None else connection.ops.adapt_datetimefield_value(value)

    def time_out(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        moment: datetime = value
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    # --- Claim ---

    def claim(
        self, *, worker_id: int, limit: int, now: datetime, below: int | None = None
    ) -> list[Claim]:
        """Take up to ``limit`` ready tokens for the worker, by priority and age.

        With ``below`` only those whose priority is a lower number.
        """
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE flows_token SET state = 'running', owner = %s, fence = fence + 1
                WHERE id IN (SELECT id FROM flows_token WHERE state = 'ready' AND priority < %s
                             ORDER BY priority, id LIMIT %s {self.skip_locked})
                RETURNING {_CLAIM_COLUMNS}""",
                [worker_id, ANY_PRIORITY if below is None else below, limit],
            )
            rows = cursor.fetchall()
            runs = self._claimed_runs(cursor, {row[1] for row in rows})
        rows.sort(key=lambda row: (row[6], row[0]))
        return [self._claim(row, runs[row[1]]) for row in rows if row[1] in runs]

    def _claimed_runs(self, cursor: CursorWrapper, run_ids: set[int]) -> dict[int, tuple[Any, ...]]:
        if not run_ids:
            return {}
        cursor.execute(
            "SELECT id, version_id, started_at, input, parent_wait_id FROM flows_run"
            f" WHERE id IN ({_marks(run_ids)})",
            list(run_ids),
        )
        return {row[0]: row for row in cursor.fetchall()}

    def _claim(self, row: Sequence[Any], run: Sequence[Any]) -> Claim:
        (
            token_id, run_id, step, fence, activation, attempt, priority, visits, since, pending,
            deaths,
        ) = row  # fmt: skip
        return Claim(
            token_id=token_id,
            run_id=run_id,
            version_id=run[1],
            step=step,
            fence=fence,
            activation=activation,
            attempt=attempt,
            priority=priority,
            visits=self.json_out(visits),
            since=self.time_out(since),
            run_started_at=self.time_out(run[2]),
            input=self.json_out(run[3]),
            parent_wait_id=run[4],
            pending=tuple(self.json_out(pending)),
            deaths=deaths,
        )

    def accuse(self, claim: Claim) -> bool:
        """Count the death that a suspect's call may cause, before the call; False if it is lost.

        Whatever the call leads to other than a death takes the count back.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE flows_token SET deaths = %s
                WHERE id = %s AND fence = %s AND activation = %s AND state = 'running'""",
                [claim.deaths + 1, claim.token_id, claim.fence, claim.activation],
            )
            return bool(cursor.rowcount == 1)

    # --- Plain moves ---

    def commit_moves(self, moves: Sequence[Move]) -> list[str]:
        """Write the moves whose token is still held; return each token's new state, "" if refused.

        Call inside a transaction. A state other than ``running`` means: stop driving it (the run
        is paused, or the token's path ended: ``ended``).
        """
        with connection.cursor() as cursor:
            runs = self._lock_runs(cursor, {move.claim.run_id for move in moves})
            states = []
            for move in moves:
                run = runs.get(move.claim.run_id)
                states.append(self._commit_move(cursor, run, move) if run else "")
        return states

    def _commit_move(self, cursor: CursorWrapper, run: RunRow, move: Move) -> str:
        if run.status not in {"running", "paused"}:
            return ""
        state = ("running" if run.status == "running" else "held") if move.step else "ended"
        claim = move.claim
        held = [claim.token_id, claim.fence, claim.activation]
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
        self._append(cursor, run, [move_journal(move)])
        if not move.step:
            self.end_run(run, RunEnd("completed", move.at))
        return state

    # --- Runs under lock ---

    def lock_runs(self, run_ids: Iterable[int]) -> dict[int, RunRow]:
        """Lock the run rows, in id order, for the rest of the transaction."""
        with connection.cursor() as cursor:
            return self._lock_runs(cursor, set(run_ids))

    def _lock_runs(self, cursor: CursorWrapper, run_ids: set[int]) -> dict[int, RunRow]:
        if not run_ids:
            return {}
        cursor.execute(
            f"""SELECT id, status, seq, version_id, flow_id, priority, input, started_at,
            parent_wait_id FROM flows_run
            WHERE id IN ({_marks(run_ids)}) ORDER BY id {self.lock_rows}""",
            sorted(run_ids),
        )
        rows = (RunRow(*self._read(row, json=6, time=7)) for row in cursor.fetchall())
        return {row.id: row for row in rows}

    def tokens_of(self, run_ids: Iterable[int]) -> list[TokenRow]:
        run_ids = list(run_ids)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_LIVE_COLUMNS} FROM flows_token WHERE run_id IN ({_marks(run_ids)})"
                " ORDER BY id",
                run_ids,
            )
            return [self._token(row) for row in cursor.fetchall()]

    def _read(self, row: Sequence[Any], *, time: int, json: int | None = None) -> list[Any]:
        """Convert the columns at these places from what the database gives."""
        values = list(row)
        values[time] = self.time_out(values[time])
        if json is not None:
            values[json] = self.json_out(values[json])
        return values

    def _token(self, row: Sequence[Any]) -> TokenRow:
        token = TokenRow(*self._read(row, json=10, time=11))
        token.pending = tuple(self.json_out(token.pending))
        return token

    def update_token(self, token: TokenRow) -> None:
        """Write the whole row; the caller holds the run's lock."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE flows_token SET step = %s, via = %s, state = %s, fence = %s,
                activation = %s, attempt = %s, owner = %s, visits = {self.json_param}, since = %s,
                pending = {self.json_param}, deaths = 0
                WHERE id = %s""",
                [
                    token.step,
                    token.via,
                    token.state,
                    token.fence,
                    token.activation,
                    token.attempt,
                    token.owner,
                    self.json_in(token.visits),
                    self.time_in(token.since),
                    self.json_in(token.pending),
                    token.id,
                ],
            )

    def insert_tokens(self, tokens: Sequence[TokenRow]) -> list[int]:
        """Insert the tokens in few statements; return their ids, in order."""
        ids: list[int] = []
        with connection.cursor() as cursor:
            for first in range(0, len(tokens), ROWS_A_STATEMENT):
                part = tokens[first : first + ROWS_A_STATEMENT]
                values = f"""(%s, %s, %s, %s, %s, %s, %s, 0, %s, %s, {self.json_param}, %s,
                    {self.json_param})"""
                cursor.execute(
                    f"""INSERT INTO flows_token (run_id, step, via, state, fence, activation,
                    attempt, deaths, owner, priority, visits, since, pending)
                    VALUES {", ".join([values] * len(part))} RETURNING id""",
                    [value for token in part for value in self._token_values(token)],
                )
                ids.extend(sorted(row[0] for row in cursor.fetchall()))
        return ids

    def _token_values(self, token: TokenRow) -> list[Any]:
        return [
            token.run_id,
            token.step,
            token.via,
            token.state,
            token.fence,
            token.activation,
            token.attempt,
            token.owner,
            token.priority,
            self.json_in(token.visits),
            self.time_in(token.since),
            self.json_in(token.pending),
        ]

    def delete_tokens(self, token_ids: Sequence[int]) -> None:
        """Delete tokens and the timers that would have moved them."""
        with connection.cursor() as cursor:
            for first in range(0, len(token_ids), ROWS_A_STATEMENT):
                part = token_ids[first : first + ROWS_A_STATEMENT]
                marks = _marks(part)
                cursor.execute(f"DELETE FROM flows_timer WHERE token_id IN ({marks})", part)
                cursor.execute(f"DELETE FROM flows_token WHERE id IN ({marks})", part)

    def append_kind(self, run: RunRow, kind: str, data: Json, now: datetime) -> None:
        self.append(run, [JournalRow(run.id, kind, now, data=data)])

    def append(self, run: RunRow, rows: Sequence[JournalRow]) -> None:
        """Append to the run's journal, numbering the rows. The caller holds the run's lock."""
        with connection.cursor() as cursor:
            self._append(cursor, run, rows)

    def _append(self, cursor: CursorWrapper, run: RunRow, rows: Sequence[JournalRow]) -> None:
        if not rows:
            return
        numbered = list(enumerate(rows, run.seq + 1))
        run.seq += len(rows)
        cursor.execute("UPDATE flows_run SET seq = %s WHERE id = %s", [run.seq, run.id])
        self._write_journal(cursor, numbered)

    def write_journal(self, numbered: Sequence[tuple[int, JournalRow]]) -> None:
        """Insert ``(seq, row)`` as they are; the caller raises the seq of their runs."""
        if numbered:
            with connection.cursor() as cursor:
                self._write_journal(cursor, numbered)

    def _write_journal(
        self, cursor: CursorWrapper, numbered: Sequence[tuple[int, JournalRow]]
    ) -> None:
        cursor.executemany(
            f"""INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt,
            port, data, provenance, worker, began_at, at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, {self.json_param}, {self.json_param},
                %s, %s, %s)""",
            [
                [
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
                for seq, row in numbered
            ],
        )

    def end_run(self, run: RunRow, end: RunEnd) -> None:
        """Close the run and say so in its journal. The caller holds the run's lock."""
        self.append(run, [end_entry(run, end)])
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
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_run SET status = 'running', error = NULL, finished_at = NULL"
                " WHERE id = %s",
                [run.id],
            )
        run.status = "running"

    def set_paused(self, runs: Sequence[RunRow], *, paused: bool) -> None:
        """Hold the ready tokens of locked runs, or make the held ones ready."""
        status, old, new = ("paused", "ready", "held") if paused else ("running", "held", "ready")
        with connection.cursor() as cursor:
            for first in range(0, len(runs), ROWS_A_STATEMENT):
                ids = [run.id for run in runs[first : first + ROWS_A_STATEMENT]]
                marks = _marks(ids)
                cursor.execute(
                    f"UPDATE flows_run SET status = %s WHERE id IN ({marks})", [status, *ids]
                )
                cursor.execute(
                    f"UPDATE flows_token SET state = %s WHERE state = %s AND run_id IN ({marks})",
                    [new, old, *ids],
                )
        for run in runs:
            run.status = status

    def set_error(self, run_id: int, error: Json) -> None:
        """Keep the run's first error: what follows from it is not the cause."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE flows_run SET error = {self.json_param} WHERE id = %s AND error IS NULL",
                [self.json_in(error), run_id],
            )

    # --- Outputs ---

    def outputs(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return ``{step: {"output": …, "port": …}}`` of the newest finish of each step."""
        steps = list(steps)
        if not steps:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT step, port, data FROM flows_journal
                WHERE run_id = %s AND kind IN ('step.finished', 'join.fired')
                AND step IN ({_marks(steps)}) ORDER BY seq""",
                [run_id, *steps],
            )
            return {
                step: {"output": self.json_out(data), "port": port}
                for step, port, data in cursor.fetchall()
            }

    def finished_since_compensation(self, run_id: int, steps: Iterable[str]) -> list[str]:
        """Return which of the steps finished since the last compensation, newest first."""
        steps = list(steps)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT step FROM flows_journal WHERE run_id = %s AND kind = 'step.finished'
                AND step IN ({_marks(steps)}) AND seq > COALESCE((SELECT max(seq)
                    FROM flows_journal WHERE run_id = %s AND kind = 'compensation.started'), 0)
                ORDER BY seq DESC""",
                [run_id, *steps, run_id],
            )
            return [row[0] for row in cursor.fetchall()]

    def first_attempt_at(self, claim: Claim) -> datetime:
        """Return when the activation's first attempt began: the anchor of a retry deadline."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT min(began_at) FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND kind = 'step.retrying'""",
                [claim.run_id, claim.token_id, claim.activation],
            )
            row = cursor.fetchone()
        return self.time_out(row[0]) if row and row[0] else claim.since

    # --- Waits and timers ---

    def insert_wait(self, wait: WaitRow, now: datetime) -> int:
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
        """Close an open wait; False if it was closed before."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_wait SET state = %s, resolved_at = %s"
                " WHERE id = %s AND state = 'open'",
                [state, self.time_in(now), wait_id],
            )
            return bool(cursor.rowcount == 1)

    def cancel_waits(self, token_ids: Sequence[int], now: datetime) -> list[tuple[int, str]]:
        """Close the open waits of tokens that go away; return ``(wait id, step)`` of each."""
        if not token_ids:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE flows_wait SET state = 'cancelled', resolved_at = %s
                WHERE state = 'open' AND token_id IN ({_marks(token_ids)}) RETURNING id, step""",
                [self.time_in(now), *token_ids],
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

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
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM flows_timer WHERE token_id = %s", [token_id])

    def take_due_timers(self, now: datetime, limit: int) -> list[TimerRow]:
        """Lock the runs of timers that are due; delete and return those timers.

        What fires them must commit with this. Runs first, as everywhere: whoever holds a run may
        be about to delete its timers. One that is locked is left for the next look.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, run_id FROM flows_timer WHERE due_at <= %s"
                " ORDER BY due_at, id LIMIT %s",
                [self.time_in(now), limit],
            )
            due = cursor.fetchall()
            free = self._lock_free_runs(cursor, {run_id for _, run_id in due})
            ids = [timer_id for timer_id, run_id in due if run_id in free]
            if not ids:
                return []
            cursor.execute(
                f"""DELETE FROM flows_timer WHERE id IN ({_marks(ids)})
                RETURNING {_TIMER_COLUMNS}""",
                ids,
            )
            timers = [TimerRow(*self._read(row, time=4)) for row in cursor.fetchall()]
        return sorted(timers, key=lambda timer: (timer.run_id, timer.due_at, timer.id))

    def _lock_free_runs(self, cursor: CursorWrapper, run_ids: set[int]) -> set[int]:
        if not run_ids:
            return set()
        skip = f"{self.lock_rows} SKIP LOCKED" if self.lock_rows else ""
        cursor.execute(
            f"SELECT id FROM flows_run WHERE id IN ({_marks(run_ids)}) ORDER BY id {skip}",
            sorted(run_ids),
        )
        return {row[0] for row in cursor.fetchall()}

    def take_deferred(self, reason: str, limit: int) -> list[TimerRow]:
        """Lock the runs of the oldest that were deferred for ``reason``; delete, return the timers.

        Runs first, as for timers that are due. One that is locked is passed over for a younger.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, run_id FROM flows_timer WHERE reason = %s AND reason <> ''"
                " AND purpose = 'defer' ORDER BY id LIMIT %s",
                [reason, limit + YOUNGER_ONES],
            )
            oldest = cursor.fetchall()
            free = self._lock_free_runs(cursor, {run_id for _, run_id in oldest})
            ids = [timer_id for timer_id, run_id in oldest if run_id in free][:limit]
            if not ids:
                return []
            cursor.execute(
                f"DELETE FROM flows_timer WHERE id IN ({_marks(ids)}) RETURNING {_TIMER_COLUMNS}",
                ids,
            )
            rows = cursor.fetchall()
        return [TimerRow(*self._read(row, time=4)) for row in rows]

    def wake_deferred(self, timers: Sequence[TimerRow]) -> int:
        """Let deferred activations try again, as the same attempt. The runs are locked."""
        woken = 0
        with connection.cursor() as cursor:
            for timer in timers:
                cursor.execute(
                    """UPDATE flows_token SET owner = NULL, state = COALESCE((
                        SELECT 'held' FROM flows_run r
                        WHERE r.id = flows_token.run_id AND r.status = 'paused'), 'ready')
                    WHERE id = %s AND activation = %s AND state = 'waiting'""",
                    [timer.token_id, timer.activation],
                )
                woken += cursor.rowcount
        return woken

    def last_deferred(self, token: TokenRow) -> Json:
        """Return what the journal says of the attempt's last deferral, or None."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT data FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND attempt = %s AND kind = 'step.deferred'
                ORDER BY seq DESC LIMIT 1""",
                [token.run_id, token.id, token.activation, token.attempt],
            )
            row = cursor.fetchone()
        return self.json_out(row[0]) if row else None

    def failed_as_poison(self, token: TokenRow) -> bool:
        """Say whether the activation failed because its workers died: what it did is not known."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT data FROM flows_journal WHERE run_id = %s AND token_id = %s
                AND activation = %s AND kind = 'step.failed' ORDER BY seq DESC LIMIT 1""",
                [token.run_id, token.id, token.activation],
            )
            row = cursor.fetchone()
        return bool(row) and (self.json_out(row[0]) or {}).get("kind") == "poison"

    def wake_retries(self, timers: Sequence[TimerRow]) -> int:
        """Make the tokens of due retry timers ready again, if they still wait for that."""
        woken = 0
        with connection.cursor() as cursor:
            for timer in timers:
                cursor.execute(
                    """UPDATE flows_token SET owner = NULL, attempt = attempt + 1,
                    state = COALESCE((SELECT 'held' FROM flows_run r
                        WHERE r.id = flows_token.run_id AND r.status = 'paused'), 'ready')
                    WHERE id = %s AND activation = %s AND state = 'waiting'""",
                    [timer.token_id, timer.activation],
                )
                woken += cursor.rowcount
        return woken

    # --- Workers ---

    def register_worker(self, name: str, now: datetime) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO flows_worker (name, started_at, beat_at, draining, riders)"
                " VALUES (%s, %s, %s, %s, 0) RETURNING id",
                [name, self.time_in(now), self.time_in(now), False],
            )
            worker_id: int = cursor.fetchone()[0]
        return worker_id

    def beat(self, worker_id: int, *, riders: int, draining: bool, now: datetime) -> bool:
        """Renew the worker's lease; False if it was taken for dead."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_worker SET beat_at = %s, riders = %s, draining = %s WHERE id = %s",
                [self.time_in(now), riders, draining, worker_id],
            )
            return bool(cursor.rowcount == 1)

    def held_tokens(self, worker_id: int) -> dict[int, int]:
        """Return ``{token id: fence}`` of what the database says this worker drives."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, fence FROM flows_token WHERE owner = %s AND state = 'running'",
                [worker_id],
            )
            return dict(cursor.fetchall())

    def release(self, held: Mapping[int, int]) -> int:
        """Hand tokens back, with a new fence; ``held`` is ``{token id: fence}``.

        No worker died of them, so that a suspect's count goes down.
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

    def remove_worker(self, worker_id: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM flows_worker WHERE id = %s", [worker_id])

    def list_workers(self) -> list[tuple[int, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, name FROM flows_worker")
            return [(row[0], row[1]) for row in cursor.fetchall()]

    def bury_workers(self, *, silent_since: datetime) -> list[tuple[int, str]]:
        """Delete workers that stopped beating; return ``(id, name)`` of each."""
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM flows_worker WHERE beat_at < %s RETURNING id, name",
                [self.time_in(silent_since)],
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

    def orphans(self, limit: int) -> list[TokenRow]:
        """Return running tokens whose worker is no more."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT {_LIVE_COLUMNS} FROM flows_token WHERE state = 'running'
                AND NOT EXISTS (SELECT 1 FROM flows_worker w WHERE w.id = flows_token.owner)
                ORDER BY run_id LIMIT %s""",
                [limit],
            )
            return [self._token(row) for row in cursor.fetchall()]

    def take_over(self, token: TokenRow) -> int:
        """Make an orphan ready under a new fence; return how many deaths are put down to it, or 0.

        The first makes it a suspect, with all that the worker held; the next ones were counted
        before its call (accuse), so that whoever stood beside a deadly step is not blamed for it.
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

    def ring(self) -> None:
        """Wake drivers in other processes once this transaction is committed. SQLite has none."""


def end_entry(run: RunRow, end: RunEnd) -> JournalRow:
    kind = {
        "completed": events.RUN_COMPLETED,
        "failed": events.RUN_FAILED,
        "cancelled": events.RUN_CANCELLED,
    }[end.status]
    data = {"outcome": end.outcome, "output": end.output}
    return JournalRow(run.id, kind, end.at, data=end.error or data)


def move_journal(move: Move) -> JournalRow:
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


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("%s" for _ in values)
