"""What an event does to a run, written in one transaction.

Two ways in: ``commit`` for the steps that workers finish, in batches; the ``…_wait`` and
``…_token`` functions for what comes from outside (a decision, a timer, an operator). Both lock the
run, ask the planner, and write its plan with the journal.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, assert_never

from django.db import connection, transaction
from django.db.utils import InterfaceError, OperationalError

from flows.engine import events
from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.engine.planner import (
    ARRIVED,
    FAILED,
    READY,
    Ended,
    Event,
    Failed,
    Finished,
    Plan,
    TokenView,
    plan,
)
from flows.expressions import ExpressionError
from flows.runtime.actions import Defer, End, Fail, Finish, Leave, Open, RetryAt
from flows.runtime.doorbell import ring_on_commit
from flows.runtime.payloads import fetch, outputs_of
from flows.runtime.program import Program, load_program
from flows.steps.base import Opened, StepFailure, WaitingStep
from flows.store import get_store
from flows.store.base import Store
from flows.store.resumption import Hop, OpenWait, lock_open_wait, move_on
from flows.store.rows import Claim, JournalRow, Move, RunEnd, RunRow, TimerRow, TokenRow, WaitRow
from flows.triggers.hearing import hears_ends_of
from workbench.dispatch import enqueue
from workbench.live import nudge_on_commit

logger = logging.getLogger(__name__)

Json = Any


# --- Steps that workers finish ------------------------------------------------------------


def commit(batch: Sequence[Finish], worker_id: int) -> list[Claim | None]:
    """Write a batch of finished activations in one transaction.

    Returns for each what its rider goes on with: the claim on its next step, or None where the
    path ended, waits, or was taken away meanwhile (then nothing of it was written).
    """
    store = get_store()
    plain = [(n, move) for n, item in enumerate(batch) if (move := _plain_move(item, worker_id))]
    rest = sorted(set(range(len(batch))) - {n for n, _ in plain})
    goes_on: list[Claim | None] = [None] * len(batch)
    with transaction.atomic():
        # All locks first and in one order, or two processes could wait for one another.
        runs = store.lock_runs({item.claim.run_id for item in batch}) if rest else {}
        states = store.commit_moves([move for _, move in plain]) if plain else []
        for (n, move), state in zip(plain, states, strict=True):
            if state == "running":
                goes_on[n] = _moved(move)
        if rest:
            _refresh_seqs(store, runs, plain)
            change = _Change(store, worker_id)
            tokens = _by_run(store.tokens_of({batch[n].claim.run_id for n in rest}))
            for n in rest:
                run = runs.get(batch[n].claim.run_id)
                if run is not None:
                    goes_on[n] = change.finish(run, tokens.setdefault(run.id, {}), batch[n])
            change.ring_if_ready()
    return goes_on


def _refresh_seqs(store: Store, runs: dict[int, RunRow], plain: Sequence[tuple[int, Move]]) -> None:
    """Plain moves of the same batch raised the seq of runs that were read before them."""
    touched = {move.claim.run_id for _, move in plain}
    if touched & runs.keys():
        runs.update(store.lock_runs(touched & runs.keys()))


def _plain_move(item: Finish, worker_id: int) -> Move | None:
    action, graph = item.action, item.program.graph
    if not isinstance(action, Leave) or len(action.ports) != 1 or item.claim.pending:
        return None
    port = action.ports[0]
    edge = graph.plain_edge(item.claim.step, port)
    if edge is None:
        ends = graph.is_linear and not graph.exits(item.claim.step, port)
        if not ends or item.program.has_output or item.claim.parent_wait_id is not None:
            return None
        if hears_ends_of(item.program.flow_id):
            return None
    return Move(
        claim=item.claim,
        from_step=item.claim.step,
        step=edge.target if edge else "",
        via=f"{edge.source}.{edge.port}" if edge else "",
        port=port,
        output=action.output,
        provenance=action.provenance,
        worker_id=worker_id,
        began_at=item.began_at,
        at=item.at,
    )


def _moved(move: Move) -> Claim:
    return replace(
        move.claim,
        step=move.step,
        activation=move.claim.activation + 1,
        attempt=1,
        since=move.at,
        deaths=0,
    )


def _by_run(rows: Iterable[TokenRow]) -> dict[int, dict[int, TokenRow]]:
    by_run: dict[int, dict[int, TokenRow]] = {}
    for row in rows:
        by_run.setdefault(row.run_id, {})[row.id] = row
    return by_run


# --- What comes from outside --------------------------------------------------------------


def resolve_wait(
    *, wait_id: int, port: str, output: Json, now: datetime, provenance: Json = None
) -> int:
    """Close an open wait and move its run on by ``port``; return the run's id.

    Call inside the transaction of the act that resolves it. Locks the run.

    Raises: WaitAlreadyResolved, RunNotActive.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("resolve_wait belongs inside the transaction of the act that causes it.")
    store = get_store()
    if moved := _moved_on(store, wait_id, port, output, provenance, now):
        return moved.run_id
    wait = store.get_wait(wait_id)
    if wait is None:
        raise WaitAlreadyResolved(f"There is no wait {wait_id}.")
    run = store.lock_runs([wait.run_id])[wait.run_id]
    if not store.close_wait(wait_id, "resolved", now):
        raise WaitAlreadyResolved(f"Wait {wait_id} was resolved or cancelled before.")
    token, tokens = _waiting_token(store, run, wait)
    store.delete_timers(token.id)
    change = _Change(store)
    entry = _journal_of(token, events.STEP_FINISHED, now)
    entry.port, entry.data, entry.provenance = port, output, provenance
    change.play(run, tokens, load_program(run.version_id), Finished(token.id, (port,)), entry, now)
    change.ring_if_ready()
    nudge_on_commit([f"run.{run.id}", "runs"], {"run": run.id, "seq": run.seq})
    return run.id


def _moved_on(
    store: Store, wait_id: int, port: str, output: Json, provenance: Json, now: datetime
) -> OpenWait | None:
    """Do it in two statements where the run only moves to its next step; return what was moved."""
    wait = lock_open_wait(store, wait_id)
    hop = hop_of(wait, port) if wait else None
    if wait is None or hop is None:
        return None
    if not move_on(store, [wait], hop, output=output, now=now, provenance=provenance):
        return None
    store.ring()
    ring_on_commit()
    nudge_on_commit([f"run.{wait.run_id}", "runs"], {"run": wait.run_id, "seq": wait.run_seq + 1})
    return wait


def hop_of(wait: OpenWait, port: str) -> Hop | None:
    """Return where the wait's run goes by ``port``, or None if that takes a plan.

    A join, a limit or an end takes one.
    """
    edge = load_program(wait.version_id).graph.plain_edge(wait.step, port)
    if edge is None:
        return None
    state = "held" if wait.run_status == "paused" else READY
    return Hop(port, f"{edge.source}.{edge.port}", edge.target, state)


def fail_wait(*, wait_id: int, error: dict[str, Json], now: datetime) -> None:
    """Close an open wait as failed: its step leaves by ``error`` or fails. Locks the run.

    Raises: WaitAlreadyResolved, RunNotActive.
    """
    store = get_store()
    wait = store.get_wait(wait_id)
    if wait is None or wait.state != "open":
        raise WaitAlreadyResolved(f"Wait {wait_id} was resolved or cancelled before.")
    run = store.lock_runs([wait.run_id])[wait.run_id]
    token, _ = _waiting_token(store, run, wait)
    fail_token(token_id=token.id, run_id=run.id, error=error, now=now)


def fail_token(*, token_id: int, run_id: int, error: dict[str, Json], now: datetime) -> None:
    """Fail a token for good, from outside its worker. Locks the run; a token gone is left gone."""
    store = get_store()
    run = store.lock_runs([run_id])[run_id]
    tokens = {row.id: row for row in store.tokens_of([run_id])}
    token = tokens.get(token_id)
    if token is None or run.status not in {"running", "paused"}:
        return
    program = load_program(run.version_id)
    for wait_id, step in store.cancel_waits([token.id], now):
        _cancel_wait(program, wait_id, step, now)
    store.delete_timers(token.id)
    change = _Change(store)
    change.fail(run, tokens, program, token, error, now)
    change.ring_if_ready()
    nudge_on_commit([f"run.{run.id}", "runs"], {"run": run.id, "seq": run.seq})


def put_off(*, claim: Claim, action: Defer, now: datetime) -> None:
    """Let another worker try later what this one cannot even load. Locks the run."""
    store = get_store()
    with transaction.atomic():
        run = store.lock_runs([claim.run_id]).get(claim.run_id)
        tokens = {row.id: row for row in store.tokens_of([claim.run_id])}
        token = tokens.get(claim.token_id)
        if run is None or token is None or not _holds(token, claim):
            return
        entry = _journal_of(token, events.STEP_DEFERRED, now)
        _Change(store).defer(run, token, entry, action)


def _waiting_token(
    store: Store, run: RunRow, wait: WaitRow
) -> tuple[TokenRow, dict[int, TokenRow]]:
    tokens = {row.id: row for row in store.tokens_of([run.id])}
    token = tokens.get(wait.token_id)
    if token is None or token.activation != wait.activation or token.state != "waiting":
        raise RunNotActive(f"Run {run.id} no longer waits at step {wait.step!r}.")
    return token, tokens


# --- Writing ------------------------------------------------------------------------------


@dataclass
class _Change:
    """The writing of events on locked runs. With a worker, its rider keeps one runnable token."""

    store: Store
    worker_id: int | None = None
    made_ready: bool = field(default=False, init=False)
    _adopted: TokenRow | None = field(default=None, init=False)

    def ring_if_ready(self) -> None:
        if self.made_ready:
            self.store.ring()
            ring_on_commit()

    def finish(self, run: RunRow, tokens: dict[int, TokenRow], item: Finish) -> Claim | None:
        token = tokens.get(item.claim.token_id)
        if run.status not in {"running", "paused"} or not _holds(token, item.claim):
            return None
        assert token is not None
        entry = _journal_of(token, events.STEP_FINISHED, item.at)
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
                self.retry(run, token, entry, error, due_at)
                return None
            case Defer():
                self.defer(run, token, entry, item.action)
                return None
            case Open():
                return self.open(run, tokens, item, token, entry)
            case Fail(error):
                self.fail(run, tokens, item.program, token, error, item.at, entry)
                return self.adopted(run)
            case _:
                assert_never(item.action)
        self.play(run, tokens, item.program, event, entry, item.at)
        return self.adopted(run)

    def retry(
        self, run: RunRow, token: TokenRow, entry: JournalRow, error: Json, due_at: datetime
    ) -> None:
        entry.kind, entry.data = events.STEP_RETRYING, {**error, "due_at": due_at.isoformat()}
        self.store.append(run, [entry])
        token.state, token.owner = "waiting", None
        self.store.update_token(token)
        self.store.insert_timer(TimerRow(run.id, token.id, token.activation, "retry", due_at))

    def defer(self, run: RunRow, token: TokenRow, entry: JournalRow, action: Defer) -> None:
        last = self.store.last_deferred(token)
        if last is None or last["reason"] != action.reason:
            # Once for each reason: a long outage must not fill the journal.
            until = action.until.isoformat()
            entry.kind = events.STEP_DEFERRED
            entry.data = {"reason": action.reason, "message": action.why, "until": until}
            self.store.append(run, [entry])
        token.state, token.owner = "waiting", None
        self.store.update_token(token)
        timer = TimerRow(run.id, token.id, token.activation, "defer", action.until)
        timer.reason = action.reason
        self.store.insert_timer(timer)

    def open(
        self,
        run: RunRow,
        tokens: dict[int, TokenRow],
        item: Finish,
        token: TokenRow,
        entry: JournalRow,
    ) -> Claim | None:
        action = item.action
        assert isinstance(action, Open)
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
                self.play(run, tokens, item.program, event, entry, item.at)
                return self.adopted(run)
            detail = {"wait": wait_id, "kind": opened.kind, **opened.detail}
            entry.kind, entry.data = events.STEP_WAITING, detail
            self.store.append(run, [entry])
            token.state, token.owner = "waiting", None
            self.store.update_token(token)
            self.set_timers(token, opened, action.timeout_at)
            return None
        self.fail(run, tokens, item.program, token, error, item.at, entry)
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

    def fail(
        self,
        run: RunRow,
        tokens: dict[int, TokenRow],
        program: Program,
        token: TokenRow,
        error: dict[str, Json],
        now: datetime,
        entry: JournalRow | None = None,
    ) -> None:
        entry = entry or _journal_of(token, events.STEP_FAILED, now)
        entry.kind, entry.data = events.STEP_FAILED, {**error, "step": token.step}
        entry.port = "error" if program.graph.exits(token.step, "error") else ""
        if not entry.port:
            self.store.set_error(run.id, entry.data)
        self.play(run, tokens, program, Failed(token.id), entry, now)

    def play(
        self,
        run: RunRow,
        tokens: dict[int, TokenRow],
        program: Program,
        event: Event,
        entry: JournalRow,
        now: datetime,
    ) -> None:
        """Ask the planner what ``event`` does and write it, the journal first."""
        views = [
            TokenView(row.id, row.step, row.via, row.state, row.visits, row.pending)
            for row in tokens.values()
        ]
        self.store.append(run, [entry])
        made = plan(program.graph, views, event, lambda: self.undoable(run, program))
        self.store.append(run, _noted(run, made, now))
        if past := _past_limit(made):
            self.store.set_error(run.id, past)
        self.drop(program, tokens, made.dropped, now)
        for view in made.placed.values():
            self.place(run, tokens, view, now)
        if made.status == "failed":
            end_run(self.store, run, RunEnd("failed", now, error=_starved(tokens)))
        elif made.status:
            self.complete(run, program, made, now)

    def undoable(self, run: RunRow, program: Program) -> list[str]:
        return self.store.finished_since_compensation(run.id, program.graph.undone_by)

    def drop(
        self, program: Program, tokens: dict[int, TokenRow], dropped: list[int], now: datetime
    ) -> None:
        waiting = [token_id for token_id in dropped if tokens[token_id].state == "waiting"]
        for wait_id, step in self.store.cancel_waits(waiting, now):
            _cancel_wait(program, wait_id, step, now)
        self.store.delete_tokens(dropped)
        for token_id in dropped:
            del tokens[token_id]

    def place(
        self, run: RunRow, tokens: dict[int, TokenRow], view: TokenView, now: datetime
    ) -> None:
        state = "held" if view.state == READY and run.status == "paused" else view.state
        row = tokens.get(view.id)
        if row is None:
            row = TokenRow(
                0, run.id, view.step, view.via, state, 0, 1, 1, None, run.priority, view.visits, now
            )
        elif view.state != FAILED:
            row.activation, row.attempt, row.since = row.activation + 1, 1, now
        row.step, row.via, row.state, row.visits = view.step, view.via, state, view.visits
        row.owner, row.pending = None, view.pending
        if state == READY:
            self.adopt_or_leave(row)
        if row.id:
            self.store.update_token(row)
        else:
            row.id = self.store.insert_token(row)
            tokens[row.id] = row

    def adopt_or_leave(self, row: TokenRow) -> None:
        """Let the rider that finished keep the first runnable token; others are rung for."""
        if self.worker_id is not None and not self._adopted:
            row.state, row.owner, row.fence = "running", self.worker_id, row.fence + 1
            self._adopted = row
        else:
            self.made_ready = True

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

    def complete(self, run: RunRow, program: Program, made: Plan, now: datetime) -> None:
        try:
            output = program.render_output(
                {
                    "input": fetch(run.input),
                    "run": run_bindings(run.id, program, run.started_at),
                    "steps": outputs_of(run.id, program.output_references),
                }
            )
        except ExpressionError as error:
            problem = {"kind": "output", "message": f"The flow's output cannot be made: {error}"}
            end_run(self.store, run, RunEnd("failed", now, made.outcome, error=problem))
        else:
            end_run(self.store, run, RunEnd("completed", now, made.outcome, output))


def end_run(store: Store, run: RunRow, end: RunEnd) -> None:
    """Close the run; whoever called it hears of it through the outbox."""
    store.end_run(run, end)
    if run.parent_wait_id is not None:
        enqueue("flows.child_ended", {"run": run.id, "wait": run.parent_wait_id}, now=end.at)
    if hears_ends_of(run.flow_id):
        heard = {"run": run.id, "status": end.status, "at": end.at.isoformat()}
        enqueue("flows.run_ended", heard, now=end.at)


def run_bindings(run_id: int, program: Program, started_at: datetime) -> dict[str, Json]:
    """Return what expressions see as ``run``."""
    return {
        "id": run_id,
        "flow": program.flow,
        "version": program.number,
        "started_at": started_at.isoformat(),
    }


def _holds(token: TokenRow | None, claim: Claim) -> bool:
    return (
        token is not None
        and token.state == "running"
        and token.fence == claim.fence
        and token.activation == claim.activation
    )


def _journal_of(token: TokenRow, kind: str, now: datetime) -> JournalRow:
    return JournalRow(
        run_id=token.run_id,
        kind=kind,
        at=now,
        step=token.step,
        token_id=token.id,
        activation=token.activation,
        attempt=token.attempt,
    )


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


def _starved(tokens: dict[int, TokenRow]) -> Json:
    """Explain a run that failed with no failed step: a join that can no longer be met."""
    if any(row.state == FAILED for row in tokens.values()):
        return None
    joins = sorted({row.step for row in tokens.values() if row.state == ARRIVED})
    return {
        "kind": "join",
        "step": joins[0] if joins else "",
        "message": f"No branch can come to {', '.join(joins)} any more, and it waits for one.",
    }


def _cancel_wait(program: Program, wait_id: int, step: str, now: datetime) -> None:
    bound = program.steps.get(step)
    if bound is not None and isinstance(bound.type, WaitingStep):
        bound.type.cancel(wait_id, now)


# --- Operations on a whole run ------------------------------------------------------------


def cancel(*, run_id: int, reason: str, now: datetime, tell_parent: bool = True) -> bool:
    """End the run and all that hangs on it; False if it had ended. Call inside a transaction."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    if run is None or run.status in {"completed", "cancelled"}:
        return False
    tokens = {row.id: row for row in store.tokens_of([run_id])}
    live = [row for row in tokens.values() if row.state in {"ready", "running", "waiting", "held"}]
    store.append(run, [_journal_of(row, events.STEP_CANCELLED, now) for row in live])
    _Change(store).drop(load_program(run.version_id), tokens, list(tokens), now)
    if not tell_parent:
        run.parent_wait_id = None
    end_run(store, run, RunEnd("cancelled", now, error={"kind": "cancelled", "message": reason}))
    return True


def retry_failed(*, run_id: int, now: datetime) -> bool:
    """Make the failed tokens of a failed run ready again; False if it has not failed."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    failed = [row for row in store.tokens_of([run_id]) if row.state == FAILED]
    if run is None or not failed or run.status not in {"failed", "running", "paused"}:
        return False
    store.reopen_run(run)
    steps = sorted({row.step for row in failed})
    store.append(run, [JournalRow(run.id, events.RUN_RETRIED, now, data={"steps": steps})])
    for row in failed:
        row.state, row.owner, row.since = READY, None, now
        if not store.failed_as_poison(row):
            # A new activation has a new idempotency key: the destination may keep the failure. What
            # killed its workers may have had its effect, and must not have it again.
            row.activation, row.attempt = row.activation + 1, 1
        store.update_token(row)
    store.ring()
    ring_on_commit()
    return True


def set_paused(*, run_id: int, paused: bool, now: datetime) -> bool:
    """Hold or release the run's ready tokens; False if it is not in the state for it."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    expected = "running" if paused else "paused"
    if run is None or run.status != expected:
        return False
    kind = events.RUN_PAUSED if paused else events.RUN_RESUMED
    store.append(run, [JournalRow(run.id, kind, now)])
    store.set_paused(run, paused)
    if not paused:
        store.ring()
        ring_on_commit()
    return True
