"""Collect what a transaction does to the runs that it has locked, and write it in few statements.

A batch of finished branches changes one run many times: each change alone would be half a dozen
round trips. Collected, the journal is one INSERT and the tokens one UPDATE, and on PostgreSQL all
of it is a single prepared statement.
"""

from collections.abc import Iterable, Sequence

from flows.engine import events
from flows.store.base import Store
from flows.store.journal import make_end_row
from flows.store.rows import JournalRow, Json, RunEnd, RunRow, RunUpdate, RunWrites, TokenRow


class WriteBuffer:
    """Holds the changes of one transaction to runs whose locks it holds, until ``flush``.

    New tokens alone are written at once: others refer to their ids. Call ``flush`` before anything
    reads the run from the tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes = RunWrites()
        self._finished: dict[tuple[int, str], dict[str, Json]] = {}

    # --- Changes --------------------------------------------------------------------------

    def append(self, run: RunRow, rows: Sequence[JournalRow]) -> None:
        """Append to the run's journal, numbering the rows."""
        for row in rows:
            run.seq += 1
            self._writes.journal.append((run.seq, row))
            if row.kind in {events.STEP_FINISHED, events.JOIN_FIRED}:
                self._finished[run.id, row.step] = {"output": row.data, "port": row.port}
        if rows:
            self._update_of(run)

    def set_first_error(self, run: RunRow, error: Json) -> None:
        """Set the run's error, unless it has one: what follows from the first is not the cause."""
        update = self._update_of(run)
        if update.first_error is None:
            update.first_error = error

    def end_run(self, run: RunRow, end: RunEnd) -> None:
        """End the run and append that to its journal."""
        self.append(run, [make_end_row(run, end)])
        run.status = end.status
        self._update_of(run).end = end

    def update_token(self, token: TokenRow) -> None:
        self._writes.tokens[token.id] = token

    def insert_tokens(self, tokens: Sequence[TokenRow]) -> None:
        """Insert them at once and give them their ids."""
        for token, token_id in zip(tokens, self._store.insert_tokens(tokens), strict=True):
            token.id = token_id

    def delete_tokens(self, token_ids: Iterable[int]) -> None:
        """Delete tokens and the timers that would have moved them."""
        for token_id in token_ids:
            self._writes.tokens.pop(token_id, None)
            self._writes.deleted_tokens.append(token_id)

    def _update_of(self, run: RunRow) -> RunUpdate:
        return self._writes.runs.setdefault(run.id, RunUpdate(run))

    # --- Reading --------------------------------------------------------------------------

    def get_outputs(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return ``{step: {"output": …, "port": …}}`` of the steps that finished in here."""
        mine = {step: self._finished.get((run_id, step)) for step in steps}
        return {step: made for step, made in mine.items() if made is not None}

    # --- Writing --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was collected since the last time."""
        writes, self._writes = self._writes, RunWrites()
        if writes.runs or writes.tokens or writes.deleted_tokens:
            self._store.write_runs(writes)
