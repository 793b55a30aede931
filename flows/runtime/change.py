"""Apply events to locked runs: ask the planner what each event does, collect that, write it once.

One ``Change`` is one transaction. What it does to runs is kept in a buffer until ``close``, so that
a batch costs a few statements and not a few for each of its items.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from django.db import transaction

from flows.engine import events
from flows.engine.planner import Ended, Event, Failed, Finished, Plan, plan
from flows.engine.position import FAILED, READY, TokenView
from flows.expressions import ExpressionError
from flows.runtime.actions import Defer, End, Fail, Finish, Leave, Open, RetryAt
from flows.runtime.explanations import explain_limit, explain_unmet_join
from flows.runtime.hearing import hears_ends_of
from flows.runtime.locked_runs import LockedRun
from flows.runtime.payloads import escape, fetch, fetch_outputs, outputs_of
from flows.runtime.program import Program, run_bindings
from flows.runtime.sealing import make_act
from flows.runtime.waits import open_wait, set_wait_timers, tell_cancelled
from flows.steps.base import Opened, Result, StepFailure
from flows.store.base import Store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import Claim, JournalRow, RunEnd, RunRow, TimerRow, TokenRow
from flows.store.write_buffer import WriteBuffer
from workbench.audit.services import Act, record_many
from workbench.dispatch.outage import is_passing
from workbench.dispatch.outbox import enqueue_many
from workbench.values.refusals import ValueRefused

logger = logging.getLogger(__name__)

Json = Any


@dataclass
class Change:
    """What one transaction does to runs that it has locked. ``close`` writes it.

    With a ``worker_id``, the worker goes on with one of the tokens that each item makes ready.
    """

    store: Store
    worker_id: int | None = None
    # Items whose worker has lost the token.
    lost: list[Finish] = field(default_factory=list, init=False)
    _buffer: WriteBuffer = field(init=False)
    _made_ready: bool = field(default=False, init=False)
    _adopted: TokenRow | None = field(default=None, init=False)
    _jobs: list[tuple[str, dict[str, Json], datetime]] = field(default_factory=list, init=False)
    _sealed: list[tuple[Act, datetime]] = field(default_factory=list, init=False)
    # By the wait that called them: the run that ended last, and when.
    _ended_children: dict[int, tuple[int, datetime]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._buffer = WriteBuffer(self.store)

    def close(self) -> None:
        """Write all of it, enqueue the jobs that follow, and ring for the tokens made ready."""
        self._buffer.flush()
        for wait_id, (run_id, at) in self._ended_children.items():
            self._jobs.append(("flows.child_ended", {"run": run_id, "wait": wait_id}, at))
        if self._sealed:
            record_many([act for act, _ in self._sealed], now=max(at for _, at in self._sealed))
        if self._jobs:
            now = max(at for _, _, at in self._jobs)
            enqueue_many([(job, args) for job, args, _ in self._jobs], now=now)
        if self._made_ready:
            self.store.ring()
            ring_on_commit()

    # --- A worker's item ------------------------------------------------------------------

    def finish(self, locked: LockedRun, item: Finish) -> Claim | None:
        """Apply how a worker's activation ended; return what the worker goes on with, if anything.

        Does nothing if the worker has lost the token.
        """
        token = locked.find_held(item.claim)
        if token is None:
            self.lost.append(item)
            return None
        if locked.run.status not in {"running", "paused"}:
            return None
        entry = make_journal_row(token, events.STEP_FINISHED, item.at)
        entry.worker, entry.began_at = self.worker_id, item.began_at
        match item.action:
            case Leave(ports, output, provenance, seal):
                entry.port, entry.data, entry.provenance = ",".join(ports), output, provenance
                if seal:
                    self._sealed.append((make_act(token, seal), item.at))
                self.apply(locked, item.program, Finished(token.id, ports), entry, item.at)
            case End(outcome, output, terminate):
                entry.data = {"outcome": outcome, "output": output}
                ended = Ended(token.id, outcome, terminate)
                self.apply(locked, item.program, ended, entry, item.at)
            case RetryAt(error, due_at, provenance):
                entry.provenance = provenance
                self._retry(locked, token, entry, error, due_at)
            case Defer() as action:
                self.defer(locked, token, entry, action)
            case Open() as action:
                self._open(locked, item, action, token, entry)
            case Fail(error, provenance):
                entry.provenance = provenance
                self.fail(locked, item.program, token, error, item.at, entry)
            case _:
                assert_never(item.action)
        return self._take_adopted(locked.run)

    def _retry(
        self,
        locked: LockedRun,
        token: TokenRow,
        entry: JournalRow,
        error: Json,
        due_at: datetime,
    ) -> None:
        entry.kind, entry.data = events.STEP_RETRYING, {**error, "due_at": due_at.isoformat()}
        self._buffer.append(locked.run, [entry])
        self._set_waiting(locked, token)
        timer = TimerRow(token.run_id, token.id, token.activation, "retry", due_at)
        self.store.insert_timer(timer)

    def defer(self, locked: LockedRun, token: TokenRow, entry: JournalRow, action: Defer) -> None:
        """Put the token off until its timer wakes it."""
        last = self.store.get_last_deferral(token)
        if last is None or last["reason"] != action.reason:
            # Once for each reason: a long outage must not fill the journal.
            until = action.until.isoformat()
            entry.kind = events.STEP_DEFERRED
            entry.data = {"reason": action.reason, "message": action.why, "until": until}
            self._buffer.append(locked.run, [entry])
        self._set_waiting(locked, token)
        timer = TimerRow(token.run_id, token.id, token.activation, "defer", action.until)
        timer.reason = action.reason
        self.store.insert_timer(timer)

    def _set_waiting(self, locked: LockedRun, token: TokenRow) -> None:
        token.state, token.owner = "waiting", None
        self._buffer.update_token(token)
        locked.put(token)

    def _open(
        self, locked: LockedRun, item: Finish, action: Open, token: TokenRow, entry: JournalRow
    ) -> None:
        # The step's type may read the run. If it fails, only what it wrote itself is taken back.
        self._buffer.flush()
        try:
            with transaction.atomic():
                wait_id, opened = open_wait(self.store, token, action, item.at)
        except StepFailure as failure:
            error = {"kind": failure.kind, "message": failure.message, "detail": failure.detail}
        except Exception as failure:
            if is_passing(failure):
                raise  # the batch is written again
            logger.exception("Step %s of run %s could not open its wait", token.step, token.run_id)
            error = {"kind": "internal", "message": f"{type(failure).__name__}: {failure}"}
        else:
            if opened.resolved is None:
                self._start_waiting(locked, token, entry, wait_id, opened)
                set_wait_timers(self.store, token, opened, action.timeout_at)
            else:
                self.store.close_wait(wait_id, "resolved", item.at)
                self._leave_at_once(locked, item, token, entry, opened.resolved)
            return
        self.fail(locked, item.program, token, error, item.at, entry)

    def _start_waiting(
        self,
        locked: LockedRun,
        token: TokenRow,
        entry: JournalRow,
        wait_id: int,
        opened: Opened,
    ) -> None:
        detail = {"wait": wait_id, "kind": opened.kind, **opened.detail}
        entry.kind, entry.data = events.STEP_WAITING, detail
        self._buffer.append(locked.run, [entry])
        self._set_waiting(locked, token)

    def _leave_at_once(
        self, locked: LockedRun, item: Finish, token: TokenRow, entry: JournalRow, result: Result
    ) -> None:
        entry.port, entry.data = result.port, escape(result.output)
        finished = Finished(token.id, (result.port,))
        self.apply(locked, item.program, finished, entry, item.at)

    # --- Events ---------------------------------------------------------------------------

    def fail(
        self,
        locked: LockedRun,
        program: Program,
        token: TokenRow,
        error: dict[str, Json],
        now: datetime,
        entry: JournalRow | None = None,
    ) -> None:
        """Fail the token's step for good: it leaves by ``error`` if an edge takes that."""
        entry = entry or make_journal_row(token, events.STEP_FAILED, now)
        entry.kind, entry.data = events.STEP_FAILED, {**error, "step": token.step}
        entry.port = "error" if program.graph.exits(token.step, "error") else ""
        if not entry.port:
            self._buffer.set_first_error(locked.run, entry.data)
        self.apply(locked, program, Failed(token.id), entry, now)

    def apply(
        self,
        locked: LockedRun,
        program: Program,
        event: Event,
        entry: JournalRow,
        now: datetime,
    ) -> None:
        """Ask the planner what ``event`` does and collect it, its journal row first."""
        run = locked.run
        self._buffer.append(run, [entry])
        made = plan(
            program.graph, locked.position, event, lambda: self._list_undoable(run, program)
        )
        if made.came_back:
            entry.port = events.RETURNED
        self._buffer.append(run, _journal_notes(run, made, now))
        if error := explain_limit(made):
            self._buffer.set_first_error(run, error)
        self._drop(locked, program, made.dropped, now)
        self._place(locked, made.placed, now)
        if made.status == "failed":
            self._end(run, RunEnd("failed", now, error=explain_unmet_join(locked.tokens.values())))
        elif made.status:
            self._complete(run, program, made, now)

    def _list_undoable(self, run: RunRow, program: Program) -> list[str]:
        self._buffer.flush()
        return self.store.list_finished_since_compensation(run.id, program.graph.undone_by)

    def _drop(
        self, locked: LockedRun, program: Program, dropped: Sequence[int], now: datetime
    ) -> None:
        """Delete tokens and cancel what they waited for."""
        self._buffer.delete_tokens(dropped)
        waiting = [each for each in dropped if locked.tokens[each].state == "waiting"]
        for wait_id, step in self.store.cancel_waits(waiting, now):
            # The type that opened the wait may read the run.
            self._buffer.flush()
            tell_cancelled(program, wait_id, step, now)
        for token_id in dropped:
            del locked.tokens[token_id]

    # --- Tokens placed --------------------------------------------------------------------

    def _place(self, locked: LockedRun, placed: Mapping[int, TokenView], now: datetime) -> None:
        """Write the tokens that the planner placed: moved ones, and new ones with their own ids."""
        new: list[tuple[int, TokenRow]] = []
        for view in placed.values():
            token = locked.tokens.get(view.id)
            if token is None:
                token = _new_token(locked.run, now)
                new.append((view.id, token))
            elif view.state != FAILED:
                token.activation, token.attempt, token.since = token.activation + 1, 1, now
            self._set_place(token, view, is_paused=locked.run.status == "paused")
            if token.id:
                self._buffer.update_token(token)
                locked.put(token)
        self._buffer.insert_tokens([token for _, token in new])
        for planned_id, token in new:
            locked.position.remove(planned_id)
            locked.put(token)

    def _set_place(self, token: TokenRow, view: TokenView, *, is_paused: bool) -> None:
        token.step, token.via, token.state, token.visits = (
            view.step,
            view.via,
            view.state,
            view.visits,
        )
        token.owner, token.pending = None, view.pending
        if view.state == READY and is_paused:
            token.state = "held"
        elif view.state == READY:
            self._adopt_or_ring(token)

    def _adopt_or_ring(self, token: TokenRow) -> None:
        """Let the worker keep its item's first ready token; others are rung for on commit."""
        if self.worker_id is not None and not self._adopted:
            token.state, token.owner, token.fence = "running", self.worker_id, token.fence + 1
            self._adopted = token
        else:
            self._made_ready = True

    def _take_adopted(self, run: RunRow) -> Claim | None:
        """Return the claim on the token that the worker kept, if any, and forget it."""
        token, self._adopted = self._adopted, None
        if token is None:
            return None
        return Claim(
            token_id=token.id,
            run_id=run.id,
            version_id=run.version_id,
            step=token.step,
            fence=token.fence,
            activation=token.activation,
            attempt=token.attempt,
            priority=token.priority,
            visits=token.visits,
            since=token.since,
            run_started_at=run.started_at,
            input=run.input,
            parent_wait_id=run.parent_wait_id,
            pending=token.pending,
        )

    # --- The end of a run -----------------------------------------------------------------

    def cancel(
        self, locked: LockedRun, program: Program, error: dict[str, Json], now: datetime
    ) -> None:
        """End the run as cancelled, with all its tokens."""
        live = [
            token
            for token in locked.tokens.values()
            if token.state in {"ready", "running", "waiting", "held"}
        ]
        entries = [make_journal_row(token, events.STEP_CANCELLED, now) for token in live]
        self._buffer.append(locked.run, entries)
        self._drop(locked, program, list(locked.tokens), now)
        self._end(locked.run, RunEnd("cancelled", now, error=error))

    def _complete(self, run: RunRow, program: Program, made: Plan, now: datetime) -> None:
        try:
            output = program.render_output(
                {
                    "input": fetch(run.input),
                    "run": run_bindings(run.id, program, run.started_at, run.priority),
                    "steps": self._get_outputs(run.id, program.output_references),
                }
            )
        except (ExpressionError, ValueRefused) as error:
            problem = {"kind": "output", "message": f"The flow's output cannot be made: {error}"}
            self._end(run, RunEnd("failed", now, made.outcome, error=problem))
        else:
            self._end(run, RunEnd("completed", now, made.outcome, output))

    def _get_outputs(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return the newest outputs of the steps, from the buffer or else from the tables."""
        steps = set(steps)
        fresh = self._buffer.get_outputs(run_id, steps)
        return outputs_of(run_id, steps - fresh.keys()) | fetch_outputs(fresh)

    def _end(self, run: RunRow, end: RunEnd) -> None:
        """End the run and note whom to tell: the run that called it, and triggers that listen.

        Of the children of one wait that end in this transaction only the last one is told: the
        message is a hint to look at the rows.
        """
        self._buffer.end_run(run, end)
        if run.parent_wait_id is not None:
            self._ended_children[run.parent_wait_id] = (run.id, end.at)
        if hears_ends_of(run.flow_id):
            heard = {"run": run.id, "status": end.status, "at": end.at.isoformat()}
            self._jobs.append(("flows.run_ended", heard, end.at))


def make_journal_row(token: TokenRow, kind: str, now: datetime) -> JournalRow:
    """Return a journal row of this kind about the token's activation."""
    return JournalRow(
        run_id=token.run_id,
        kind=kind,
        at=now,
        step=token.step,
        token_id=token.id,
        activation=token.activation,
        attempt=token.attempt,
    )


def _new_token(run: RunRow, now: datetime) -> TokenRow:
    return TokenRow(0, run.id, "", "", READY, 0, 1, 1, None, run.priority, {}, now)


def _journal_notes(run: RunRow, made: Plan, now: datetime) -> list[JournalRow]:
    return [
        JournalRow(run.id, note.kind, now, note.step, note.token_id, port=note.port, data=note.data)
        for note in made.notes
    ]
