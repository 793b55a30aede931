"""The writing of events on locked runs: ask the planner what each does, gather it, write it once.

One ``Change`` is one transaction. What it does to runs stays with it until ``write``, so that
a batch costs a few statements and not a few for each of its items.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from django.db import transaction
from django.db.utils import InterfaceError, OperationalError

from flows.engine import events
from flows.engine.planner import Ended, Event, Failed, Finished, Plan, plan
from flows.engine.position import ARRIVED, FAILED, READY, Position, TokenView
from flows.expressions import ExpressionError
from flows.runtime.actions import Defer, End, Fail, Finish, Leave, Open, RetryAt
from flows.runtime.doorbell import ring_on_commit
from flows.runtime.payloads import fetch, fetch_outputs, outputs_of
from flows.runtime.program import Program, run_bindings
from flows.steps.base import Opened, StepFailure, WaitingStep
from flows.store.base import Store
from flows.store.rows import Claim, JournalRow, RunEnd, RunRow, TimerRow, TokenRow, WaitRow
from flows.store.write_buffer import WriteBuffer
from flows.triggers.hearing import hears_ends_of
from workbench.dispatch import enqueue_many

logger = logging.getLogger(__name__)

Json = Any


@dataclass(slots=True)
class Standing:
    """A locked run with its tokens, as rows and as the planner sees them."""

    run: RunRow
    tokens: dict[int, TokenRow]
    position: Position

    def put(self, row: TokenRow) -> None:
        self.tokens[row.id] = row
        self.position.put(_view_of(row))


def stand(store: Store, runs: Iterable[RunRow]) -> dict[int, Standing]:
    """Read where the locked runs stand, by run id. One query."""
    by_run = {run.id: run for run in runs}
    rows: dict[int, dict[int, TokenRow]] = {run_id: {} for run_id in by_run}
    for row in store.list_tokens(by_run) if by_run else ():
        rows[row.run_id][row.id] = row
    return {
        run_id: Standing(run, rows[run_id], Position(map(_view_of, rows[run_id].values())))
        for run_id, run in by_run.items()
    }


def _view_of(row: TokenRow) -> TokenView:
    return TokenView(row.id, row.step, row.via, row.state, row.visits, row.pending)


@dataclass
class Change:
    """What one transaction does. With a worker, its rider keeps one runnable token of each item."""

    store: Store
    worker_id: int | None = None
    _buffer: WriteBuffer = field(init=False)
    _made_ready: bool = field(default=False, init=False)
    _adopted: TokenRow | None = field(default=None, init=False)
    _jobs: list[tuple[str, dict[str, Json], datetime]] = field(default_factory=list, init=False)
    _called_by: dict[int, tuple[int, datetime]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._buffer = WriteBuffer(self.store)

    def write(self) -> None:
        """Write what was gathered so far: for whoever is about to read it from the tables."""
        self._buffer.flush()

    def close(self) -> None:
        """Write it all, with the jobs that follow from it, and ring for what became ready."""
        self.write()
        for wait_id, (run_id, at) in self._called_by.items():
            self._jobs.append(("flows.child_ended", {"run": run_id, "wait": wait_id}, at))
        if self._jobs:
            now = max(at for _, _, at in self._jobs)
            enqueue_many([(job, args) for job, args, _ in self._jobs], now=now)
        if self._made_ready:
            self.store.ring()
            ring_on_commit()

    # --- A worker's item ---

    def finish(self, standing: Standing, item: Finish) -> Claim | None:
        run, token = standing.run, standing.tokens.get(item.claim.token_id)
        if run.status not in {"running", "paused"} or not holds(token, item.claim):
            return None
        assert token is not None
        entry = journal_of(token, events.STEP_FINISHED, item.at)
        entry.worker, entry.began_at = self.worker_id, item.began_at
        event: Event
        match item.action:
            case Leave(ports, output, provenance):
                entry.port, entry.data, entry.provenance = ",".join(ports), output, provenance
                event = Finished(token.id, ports)
            case End(outcome, output, terminate):
                entry.data = {"outcome": outcome, "output": output}
                event = Ended(token.id, outcome, terminate)
            case RetryAt(error, due_at):
                self.retry(standing, token, entry, error, due_at)
                return None
            case Defer():
                self.defer(standing, token, entry, item.action)
                return None
            case Open():
                return self.open(standing, item, token, entry)
            case Fail(error):
                self.fail(standing, item.program, token, error, item.at, entry)
                return self.adopted(run)
            case _:
                assert_never(item.action)
        self.play(standing, item.program, event, entry, item.at)
        return self.adopted(run)

    def retry(
        self,
        standing: Standing,
        token: TokenRow,
        entry: JournalRow,
        error: Json,
        due_at: datetime,
    ) -> None:
        entry.kind, entry.data = events.STEP_RETRYING, {**error, "due_at": due_at.isoformat()}
        self._buffer.append(standing.run, [entry])
        self.let_wait(standing, token)
        timer = TimerRow(token.run_id, token.id, token.activation, "retry", due_at)
        self.store.insert_timer(timer)

    def defer(self, standing: Standing, token: TokenRow, entry: JournalRow, action: Defer) -> None:
        last = self.store.get_last_deferral(token)
        if last is None or last["reason"] != action.reason:
            # Once for each reason: a long outage must not fill the journal.
            until = action.until.isoformat()
            entry.kind = events.STEP_DEFERRED
            entry.data = {"reason": action.reason, "message": action.why, "until": until}
            self._buffer.append(standing.run, [entry])
        self.let_wait(standing, token)
        timer = TimerRow(token.run_id, token.id, token.activation, "defer", action.until)
        timer.reason = action.reason
        self.store.insert_timer(timer)

    def let_wait(self, standing: Standing, token: TokenRow) -> None:
        token.state, token.owner = "waiting", None
        self._buffer.update_token(token)
        standing.put(token)

    # --- Waits ---

    def open(
        self, standing: Standing, item: Finish, token: TokenRow, entry: JournalRow
    ) -> Claim | None:
        action, run = item.action, standing.run
        assert isinstance(action, Open)
        # Who opens may look at the run, and its failure takes back what it wrote alone.
        self.write()
        try:
            with transaction.atomic():
                wait_id, opened = self.make_wait(token, action, item.at)
        except (OperationalError, InterfaceError):
            # The database is away, or chose us in a deadlock: the batch is written again.
            raise
        except StepFailure as failure:
            error = {"kind": failure.kind, "message": failure.message, "detail": failure.detail}
        except Exception as failure:
            logger.exception("Step %s of run %s could not open its wait", token.step, run.id)
            error = {"kind": "internal", "message": f"{type(failure).__name__}: {failure}"}
        else:
            if opened.resolved is not None:
                self.store.close_wait(wait_id, "resolved", item.at)
                result = opened.resolved
                entry.port, entry.data = result.port, result.output
                event = Finished(token.id, (result.port,))
                self.play(standing, item.program, event, entry, item.at)
                return self.adopted(run)
            detail = {"wait": wait_id, "kind": opened.kind, **opened.detail}
            entry.kind, entry.data = events.STEP_WAITING, detail
            self._buffer.append(run, [entry])
            self.let_wait(standing, token)
            self.set_timers(token, opened, action.timeout_at)
            return None
        self.fail(standing, item.program, token, error, item.at, entry)
        return self.adopted(run)

    def make_wait(self, token: TokenRow, action: Open, now: datetime) -> tuple[int, Opened]:
        wait = WaitRow(0, token.run_id, token.id, token.activation, token.step, "", "open")
        wait_id = self.store.insert_wait(wait, now)
        opened = action.make(wait_id)
        detail = {**opened.detail, "due_port": opened.due_port}
        if opened.due_at:
            detail["due_at"] = opened.due_at.isoformat()
        self.store.describe_wait(wait_id, opened.kind, opened.key, detail)
        return wait_id, opened

    def set_timers(self, token: TokenRow, opened: Opened, timeout_at: datetime | None) -> None:
        for purpose, due_at in (("wait", opened.due_at), ("timeout", timeout_at)):
            if due_at is not None:
                self.store.insert_timer(
                    TimerRow(token.run_id, token.id, token.activation, purpose, due_at)
                )

    # --- Events ---

    def fail(
        self,
        standing: Standing,
        program: Program,
        token: TokenRow,
        error: dict[str, Json],
        now: datetime,
        entry: JournalRow | None = None,
    ) -> None:
        entry = entry or journal_of(token, events.STEP_FAILED, now)
        entry.kind, entry.data = events.STEP_FAILED, {**error, "step": token.step}
        entry.port = "error" if program.graph.exits(token.step, "error") else ""
        if not entry.port:
            self._buffer.set_first_error(standing.run, entry.data)
        self.play(standing, program, Failed(token.id), entry, now)

    def play(
        self,
        standing: Standing,
        program: Program,
        event: Event,
        entry: JournalRow,
        now: datetime,
    ) -> None:
        """Ask the planner what ``event`` does and gather it, the journal first."""
        run = standing.run
        self._buffer.append(run, [entry])
        made = plan(program.graph, standing.position, event, lambda: self.undoable(run, program))
        self._buffer.append(run, _noted(run, made, now))
        if past := _past_limit(made):
            self._buffer.set_first_error(run, past)
        self.drop(program, standing, made.dropped, now)
        self.place(standing, made.placed, now)
        if made.status == "failed":
            self.end(run, RunEnd("failed", now, error=_starved(standing)))
        elif made.status:
            self.complete(run, program, made, now)

    def undoable(self, run: RunRow, program: Program) -> list[str]:
        self.write()
        return self.store.list_finished_since_compensation(run.id, program.graph.undone_by)

    def drop(
        self, program: Program, standing: Standing, dropped: Sequence[int], now: datetime
    ) -> None:
        """Let tokens go, with what they waited for."""
        self._buffer.delete_tokens(dropped)
        waiting = [each for each in dropped if standing.tokens[each].state == "waiting"]
        for wait_id, step in self.store.cancel_waits(waiting, now):
            # Whoever opened the wait may look at the run.
            self.write()
            cancel_wait(program, wait_id, step, now)
        for token_id in dropped:
            del standing.tokens[token_id]

    def place(self, standing: Standing, placed: Mapping[int, TokenView], now: datetime) -> None:
        run, made = standing.run, []
        for view in placed.values():
            state = "held" if view.state == READY and run.status == "paused" else view.state
            row = standing.tokens.get(view.id)
            if row is None:
                row = _new_token(run, now)
                made.append((view.id, row))
            elif view.state != FAILED:
                row.activation, row.attempt, row.since = row.activation + 1, 1, now
            row.step, row.via, row.state, row.visits = view.step, view.via, state, view.visits
            row.owner, row.pending = None, view.pending
            if state == READY:
                self.adopt_or_leave(row)
            if row.id:
                self._buffer.update_token(row)
                standing.put(row)
        self._buffer.insert_tokens([row for _, row in made])
        for made_id, row in made:
            standing.position.remove(made_id)
            standing.put(row)

    def adopt_or_leave(self, row: TokenRow) -> None:
        """Let the rider that finished keep the first runnable token; others are rung for."""
        if self.worker_id is not None and not self._adopted:
            row.state, row.owner, row.fence = "running", self.worker_id, row.fence + 1
            self._adopted = row
        else:
            self._made_ready = True

    def adopted(self, run: RunRow) -> Claim | None:
        row, self._adopted = self._adopted, None
        if row is None:
            return None
        return Claim(
            token_id=row.id,
            run_id=run.id,
            version_id=run.version_id,
            step=row.step,
            fence=row.fence,
            activation=row.activation,
            attempt=row.attempt,
            priority=row.priority,
            visits=row.visits,
            since=row.since,
            run_started_at=run.started_at,
            input=run.input,
            parent_wait_id=run.parent_wait_id,
            pending=row.pending,
        )

    # --- The end of a run ---

    def cancel(
        self, standing: Standing, program: Program, error: dict[str, Json], now: datetime
    ) -> None:
        """End the run with all that stands in it."""
        run, tokens = standing.run, standing.tokens
        live = [
            row for row in tokens.values() if row.state in {"ready", "running", "waiting", "held"}
        ]
        self._buffer.append(run, [journal_of(row, events.STEP_CANCELLED, now) for row in live])
        self.drop(program, standing, list(tokens), now)
        self.end(run, RunEnd("cancelled", now, error=error))

    def complete(self, run: RunRow, program: Program, made: Plan, now: datetime) -> None:
        try:
            output = program.render_output(
                {
                    "input": fetch(run.input),
                    "run": run_bindings(run.id, program, run.started_at),
                    "steps": self.outputs_of(run.id, program.output_references),
                }
            )
        except ExpressionError as error:
            problem = {"kind": "output", "message": f"The flow's output cannot be made: {error}"}
            self.end(run, RunEnd("failed", now, made.outcome, error=problem))
        else:
            self.end(run, RunEnd("completed", now, made.outcome, output))

    def outputs_of(self, run_id: int, steps: Iterable[str]) -> dict[str, Json]:
        """Return the newest outputs, of which the last ones are not written yet."""
        steps = set(steps)
        fresh = self._buffer.get_outputs(run_id, steps)
        return outputs_of(run_id, steps - fresh.keys()) | fetch_outputs(fresh)

    def end(self, run: RunRow, end: RunEnd) -> None:
        """Close the run; whoever called it hears of it through the outbox.

        Of the children of one wait that end together, the last one stands for all: its message is
        a hint to look at the rows.
        """
        self._buffer.end_run(run, end)
        if run.parent_wait_id is not None:
            self._called_by[run.parent_wait_id] = (run.id, end.at)
        if hears_ends_of(run.flow_id):
            heard = {"run": run.id, "status": end.status, "at": end.at.isoformat()}
            self._jobs.append(("flows.run_ended", heard, end.at))


def holds(token: TokenRow | None, claim: Claim) -> bool:
    """Say whether the claim is still the token's: same fence, same activation, under way."""
    return (
        token is not None
        and token.state == "running"
        and token.fence == claim.fence
        and token.activation == claim.activation
    )


def journal_of(token: TokenRow, kind: str, now: datetime) -> JournalRow:
    return JournalRow(
        run_id=token.run_id,
        kind=kind,
        at=now,
        step=token.step,
        token_id=token.id,
        activation=token.activation,
        attempt=token.attempt,
    )


def cancel_wait(program: Program, wait_id: int, step: str, now: datetime) -> None:
    """Tell the step's type that the wait it opened was closed."""
    bound = program.steps.get(step)
    if bound is not None and isinstance(bound.type, WaitingStep):
        bound.type.cancel(wait_id, now)


def _new_token(run: RunRow, now: datetime) -> TokenRow:
    return TokenRow(0, run.id, "", "", READY, 0, 1, 1, None, run.priority, {}, now)


def _noted(run: RunRow, made: Plan, now: datetime) -> list[JournalRow]:
    return [
        JournalRow(run.id, note.kind, now, note.step, note.token_id, port=note.port, data=note.data)
        for note in made.notes
    ]


def _past_limit(made: Plan) -> Json:
    """Explain a token that failed because its step was visited too often."""
    failed = {view.step for view in made.placed.values() if view.state == FAILED}
    for note in made.notes:
        if note.kind == events.LIMIT_REACHED and note.step in failed:
            message = (
                f"Step {note.step!r} was visited as often as its max_visits lets it."
                " Raise it, or draw an edge from its port limit."
            )
            return {"kind": "limit", "step": note.step, "message": message}
    return None


def _starved(standing: Standing) -> Json:
    """Explain a run that failed with no failed step: a join that can no longer be met."""
    rows = standing.tokens.values()
    if any(row.state == FAILED for row in rows):
        return None
    joins = sorted({row.step for row in rows if row.state == ARRIVED})
    return {
        "kind": "join",
        "step": joins[0] if joins else "",
        "message": f"No branch can come to {', '.join(joins)} any more, and it waits for one.",
    }
