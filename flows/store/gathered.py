"""What a transaction does to the runs it has locked, gathered and written in few statements.

A batch of finished branches changes one run many times: each change alone would be half a dozen
round trips. Gathered, the journal is one INSERT and the tokens one UPDATE, and on PostgreSQL all of
it is a single prepared statement. What is read from the tables in between needs ``write`` first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from flows.engine import events
from flows.store.base import Store, end_entry
from flows.store.postgres import execute_prepared, plan_anew
from flows.store.rows import JournalRow, Json, RunEnd, RunRow, TokenRow

_WRITE = """
WITH written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, worker, began_at, at)
    SELECT * FROM json_to_recordset(%(journal)s::json) AS entry (
        run bigint, seq int, kind text, step text, token bigint, activation int, attempt int,
        port text, data jsonb, provenance jsonb, worker bigint, began_at timestamptz,
        at timestamptz)
), told AS (
    UPDATE flows_run r SET seq = item.seq, status = COALESCE(item.status, r.status),
        outcome = COALESCE(item.outcome, r.outcome),
        output = CASE WHEN item.status IS NULL THEN r.output ELSE item.output END,
        error = COALESCE(item.error, r.error, item.first_error),
        finished_at = COALESCE(item.finished_at, r.finished_at)
    FROM json_to_recordset(%(runs)s::json) AS item (
        id bigint, seq int, status text, outcome text, output jsonb, error jsonb,
        first_error jsonb, finished_at timestamptz)
    WHERE r.id = item.id
), moved AS (
    UPDATE flows_token t SET step = item.step, via = item.via, state = item.state,
        fence = item.fence, activation = item.activation, attempt = item.attempt,
        owner = item.owner, visits = item.visits, since = item.since, pending = item.pending,
        deaths = 0
    FROM json_to_recordset(%(tokens)s::json) AS item (
        id bigint, step text, via text, state text, fence int, activation int, attempt int,
        owner bigint, visits jsonb, since timestamptz, pending jsonb)
    WHERE t.id = item.id
), over AS (
    DELETE FROM flows_timer WHERE token_id = ANY(%(dropped)s::bigint[])
), gone AS (
    DELETE FROM flows_token WHERE id = ANY(%(dropped)s::bigint[])
)
SELECT 1
"""


@dataclass(slots=True)
class _RunChange:
    """What becomes of a run's row: its seq is the row's, and perhaps it has failed or ended."""

    run: RunRow
    first_error: Json = None
    end: RunEnd | None = None


class Gathered:
    """The changes of one transaction to runs whose locks it holds; nothing is written before
    ``write``, but for new tokens, which need their ids."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._journal: list[tuple[int, JournalRow]] = []
        self._runs: dict[int, _RunChange] = {}
        self._tokens: dict[int, TokenRow] = {}
        self._dropped: dict[int, None] = {}
        self._finished: dict[tuple[int, str], dict[str, Json]] = {}

    # --- Changes ---

    def append(self, run: RunRow, rows: Sequence[JournalRow]) -> None:
        """Append to the run's journal, numbering the rows."""
        for row in rows:
            run.seq += 1
            self._journal.append((run.seq, row))
            if row.kind in {events.STEP_FINISHED, events.JOIN_FIRED}:
                self._finished[run.id, row.step] = {"output": row.data, "port": row.port}
        if rows:
            self._change_of(run)

    def note_error(self, run: RunRow, error: Json) -> None:
        """Keep the run's first error: what follows from it is not the cause."""
        change = self._change_of(run)
        if change.first_error is None:
            change.first_error = error

    def end_run(self, run: RunRow, end: RunEnd) -> None:
        """Close the run and say so in its journal."""
        self.append(run, [end_entry(run, end)])
        run.status = end.status
        self._change_of(run).end = end

    def update_token(self, token: TokenRow) -> None:
        self._tokens[token.id] = token

    def insert_tokens(self, tokens: Sequence[TokenRow]) -> None:
        """Insert them at once and give them their ids."""
        for token, token_id in zip(tokens, self._store.insert_tokens(tokens), strict=True):
            token.id = token_id

    def delete_tokens(self, token_ids: Iterable[int]) -> None:
        """Delete tokens and the timers that would have moved them."""
        for token_id in token_ids:
            self._tokens.pop(token_id, None)
            self._dropped[token_id] = None

    def _change_of(self, run: RunRow) -> _RunChange:
        return self._runs.setdefault(run.id, _RunChange(run))

    # --- Reading ---

    def finished(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return ``{step: {"output": …, "port": …}}`` of the steps that finished in here."""
        mine = {step: self._finished.get((run_id, step)) for step in steps}
        return {step: made for step, made in mine.items() if made is not None}

    # --- Writing ---

    def write(self) -> None:
        """Write what was gathered since the last time."""
        if not (self._runs or self._tokens or self._dropped):
            return
        if connection.vendor == "postgresql":
            plan_anew()
            execute_prepared(_WRITE, self._document())
        else:
            self._write_in_turn()
        self._journal, self._runs = [], {}
        self._tokens, self._dropped = {}, {}

    def _document(self) -> dict[str, Any]:
        json_in = self._store.json_in
        return {
            "journal": json_in([_entry(seq, row) for seq, row in self._journal]),
            "runs": json_in([_told(change) for change in self._runs.values()]),
            "tokens": json_in([_moved(token) for token in self._tokens.values()]),
            "dropped": list(self._dropped),
        }

    def _write_in_turn(self) -> None:
        store = self._store
        store.write_journal(self._journal)
        for change in self._runs.values():
            if change.first_error is not None:
                store.set_error(change.run.id, change.first_error)
            store.write_run(change.run, change.end)
        for token in self._tokens.values():
            store.update_token(token)
        store.delete_tokens(list(self._dropped))


def _entry(seq: int, row: JournalRow) -> dict[str, Json]:
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
        "began_at": _time(row.began_at),
        "at": _time(row.at),
    }


def _told(change: _RunChange) -> dict[str, Json]:
    told: dict[str, Json] = {
        "id": change.run.id,
        "seq": change.run.seq,
        "first_error": change.first_error,
    }
    if change.end is not None:
        told |= {
            "status": change.end.status,
            "outcome": change.end.outcome,
            "output": change.end.output,
            "error": change.end.error,
            "finished_at": _time(change.end.at),
        }
    return told


def _moved(token: TokenRow) -> dict[str, Json]:
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
        "since": _time(token.since),
        "pending": token.pending,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
