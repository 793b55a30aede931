"""Move runs on: each function locks the runs it moves, asks the planner, and writes the plan.

``commit`` is for the steps that workers finish, in batches. The ``…_wait`` and ``…_token``
functions are for what comes from outside: a decision, a timer, an operator.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from flows.engine import events
from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.engine.planner import Finished
from flows.engine.position import FAILED, READY
from flows.runtime.actions import Defer, Finish, Leave
from flows.runtime.change import Change, make_journal_row
from flows.runtime.hearing import hears_ends_of
from flows.runtime.locked_runs import LockedRun, read_locked_runs
from flows.runtime.payloads import escape
from flows.runtime.program import load_program
from flows.runtime.unanswered import take_back
from flows.runtime.waits import tell_cancelled
from flows.spending.counting import Bill, count_bills
from flows.store import get_store
from flows.store.base import Store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import (
    Claim,
    Hop,
    JournalRow,
    Move,
    OpenWait,
    RunRow,
    TokenRow,
    WaitRow,
)
from workbench.live import nudge_on_commit
from workbench.values.checking import MAX_WRAPPED_DEPTH, check_value

Json = Any


# --- Steps that workers finish ------------------------------------------------------------


def commit(batch: Sequence[Finish], worker_id: int) -> list[Claim | None]:
    """Write a batch of finished activations in one transaction; return what each goes on with.

    That is the claim on the next step, or None where the path ended or waits, and where the worker
    had lost the token (then nothing of it was written).
    """
    store = get_store()
    plain = [(n, move) for n, item in enumerate(batch) if (move := _as_plain_move(item, worker_id))]
    rest = sorted(set(range(len(batch))) - {n for n, _ in plain})
    following: list[Claim | None] = [None] * len(batch)
    lost: list[Finish] = []
    with transaction.atomic():
        # All locks first and in one order, or two processes could wait for one another.
        runs = store.lock_runs({item.claim.run_id for item in batch}) if rest else {}
        states = store.commit_moves([move for _, move in plain]) if plain else []
        for (n, move), state in zip(plain, states, strict=True):
            if state == "running":
                following[n] = _claim_after(move)
            elif not state:
                lost.append(batch[n])
        if rest:
            _refresh_seqs(store, runs, plain)
            locked = read_locked_runs(store, runs.values())
            change = Change(store, worker_id)
            for n in rest:
                if run := locked.get(batch[n].claim.run_id):
                    following[n] = change.finish(run, batch[n])
            change.close()
            lost += change.lost
        count_bills(
            [
                Bill(item.claim, item.program.flow, item.payments, item.at)
                for item in batch
                if item.payments
            ]
        )
        for item in lost:
            # Where the worker was taken for dead, its calls were taken for lost.
            if item.payments:
                take_back(item.claim, [each.connection for each in item.payments])
    return following


def _refresh_seqs(store: Store, runs: dict[int, RunRow], plain: Sequence[tuple[int, Move]]) -> None:
    """Read the locked runs again whose seq was raised by plain moves of the same batch."""
    touched = {move.claim.run_id for _, move in plain}
    if touched & runs.keys():
        runs.update(store.lock_runs(touched & runs.keys()))


def _as_plain_move(item: Finish, worker_id: int) -> Move | None:
    """Return the item as a plain move, or None if it takes a plan."""
    action, graph = item.action, item.program.graph
    if not isinstance(action, Leave) or len(action.ports) != 1 or item.claim.pending:
        return None
    if action.seal:
        return None  # Its entry in the ledger is written with it.
    port = action.ports[0]
    edge = graph.find_independent_edge(item.claim.step, port)
    if edge is None and not _ends_run_plainly(item, port):
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


def _ends_run_plainly(item: Finish, port: str) -> bool:
    """Return whether leaving by ``port`` completes the run, with no output and nobody to tell."""
    graph = item.program.graph
    if not graph.is_linear or graph.exits(item.claim.step, port):
        return False
    if graph.rework.matters(item.claim.step, port):
        return False
    if item.program.has_output or item.claim.parent_wait_id is not None:
        return False
    return not hears_ends_of(item.program.flow_id)


def _claim_after(move: Move) -> Claim:
    """Return the claim with which the move's worker goes on at the next step."""
    return replace(
        move.claim,
        step=move.step,
        activation=move.claim.activation + 1,
        attempt=1,
        since=move.at,
        deaths=0,
    )


# --- What comes from outside --------------------------------------------------------------


def resolve_wait(
    *, wait_id: int, port: str, output: Json, now: datetime, provenance: Json = None
) -> int:
    """Close an open wait and move its run on by ``port``; return the run's id.

    Call inside the transaction of the act that resolves it. Locks the run.

    Raises: WaitAlreadyResolved, RunNotActive, ValueRefused.
    """
    check_value(output, max_depth=MAX_WRAPPED_DEPTH)
    if not connection.in_atomic_block:
        raise RuntimeError("resolve_wait belongs inside the transaction of the act that causes it.")
    store, kept = get_store(), escape(output)
    if moved := _resolve_plainly(store, wait_id, port, kept, provenance, now):
        return moved.run_id
    return _resolve_by_plan(store, wait_id, port, kept, provenance, now)


def _resolve_plainly(
    store: Store, wait_id: int, port: str, output: Json, provenance: Json, now: datetime
) -> OpenWait | None:
    """Move a run that only goes to its next step, in two statements; return what was moved."""
    wait = store.lock_open_wait(wait_id)
    hop = find_hop(wait, port) if wait else None
    if wait is None or hop is None:
        return None
    if not store.resolve_waits([wait], hop, output=output, now=now, provenance=provenance):
        return None
    store.ring()
    ring_on_commit()
    nudge_on_commit([f"run.{wait.run_id}", "runs"], {"run": wait.run_id, "seq": wait.run_seq + 1})
    return wait


def find_hop(wait: OpenWait, port: str) -> Hop | None:
    """Return where the wait's run goes by ``port``, or None if that takes a plan.

    A join, a limit or an end takes one.
    """
    edge = load_program(wait.version_id).graph.find_independent_edge(wait.step, port)
    if edge is None:
        return None
    state = "held" if wait.run_status == "paused" else READY
    return Hop(port, f"{edge.source}.{edge.port}", edge.target, state)


def _resolve_by_plan(
    store: Store, wait_id: int, port: str, output: Json, provenance: Json, now: datetime
) -> int:
    wait = store.get_wait(wait_id)
    if wait is None:
        raise WaitAlreadyResolved(f"There is no wait {wait_id}.")
    run = store.lock_runs([wait.run_id])[wait.run_id]
    if not store.close_wait(wait_id, "resolved", now):
        raise WaitAlreadyResolved(f"Wait {wait_id} was resolved or cancelled before.")
    locked = read_locked_runs(store, [run])[run.id]
    token = _find_waiting(locked, wait)
    store.delete_timers(token.id)
    change = Change(store)
    entry = make_journal_row(token, events.STEP_FINISHED, now)
    entry.port, entry.data, entry.provenance = port, output, provenance
    change.apply(locked, load_program(run.version_id), Finished(token.id, (port,)), entry, now)
    change.close()
    nudge_on_commit([f"run.{run.id}", "runs"], {"run": run.id, "seq": run.seq})
    return run.id


def fail_wait(*, wait_id: int, error: dict[str, Json], now: datetime) -> None:
    """Close an open wait as failed: its step leaves by ``error`` or fails. Locks the run.

    Raises: WaitAlreadyResolved, RunNotActive.
    """
    store = get_store()
    wait = store.get_wait(wait_id)
    if wait is None or wait.state != "open":
        raise WaitAlreadyResolved(f"Wait {wait_id} was resolved or cancelled before.")
    run = store.lock_runs([wait.run_id])[wait.run_id]
    token = _find_waiting(read_locked_runs(store, [run])[run.id], wait)
    fail_token(token_id=token.id, run_id=run.id, error=error, now=now)


def fail_token(*, token_id: int, run_id: int, error: dict[str, Json], now: datetime) -> None:
    """Fail a token for good, from outside its worker; do nothing if it is gone. Locks the run."""
    store = get_store()
    run = store.lock_runs([run_id])[run_id]
    locked = read_locked_runs(store, [run])[run_id]
    token = locked.tokens.get(token_id)
    if token is None or run.status not in {"running", "paused"}:
        return
    program = load_program(run.version_id)
    for wait_id, step in store.cancel_waits([token.id], now):
        tell_cancelled(program, wait_id, step, now)
    store.delete_timers(token.id)
    change = Change(store)
    change.fail(locked, program, token, error, now)
    change.close()
    nudge_on_commit([f"run.{run.id}", "runs"], {"run": run.id, "seq": run.seq})


def defer_claim(*, claim: Claim, action: Defer, now: datetime) -> None:
    """Put off a token that this worker holds and cannot even load the flow of. Locks the run."""
    store = get_store()
    with transaction.atomic():
        runs = store.lock_runs([claim.run_id]).values()
        locked = read_locked_runs(store, runs).get(claim.run_id)
        token = locked.find_held(claim) if locked else None
        if locked is None or token is None:
            return
        change = Change(store)
        change.defer(locked, token, make_journal_row(token, events.STEP_DEFERRED, now), action)
        change.close()


def _find_waiting(locked: LockedRun, wait: WaitRow) -> TokenRow:
    """Return the token that waits for this. Raises: RunNotActive."""
    token = locked.tokens.get(wait.token_id)
    if token is None or token.activation != wait.activation or token.state != "waiting":
        raise RunNotActive(f"Run {wait.run_id} no longer waits at step {wait.step!r}.")
    return token


# --- Operations on a whole run ------------------------------------------------------------


def cancel(*, run_id: int, reason: str, now: datetime, tell_parent: bool = True) -> bool:
    """End the run as cancelled; return False if it had ended. Call inside a transaction."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    if run is None or run.status in {"completed", "cancelled"}:
        return False
    if not tell_parent:
        run.parent_wait_id = None
    change = Change(store)
    error = {"kind": "cancelled", "message": reason}
    locked = read_locked_runs(store, [run])[run.id]
    change.cancel(locked, load_program(run.version_id), error, now)
    change.close()
    return True


def retry_failed(*, run_id: int, now: datetime) -> bool:
    """Make the failed tokens of a run ready again; return False if it has none."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    failed = [row for row in store.list_tokens([run_id]) if row.state == FAILED]
    if run is None or not failed or run.status not in {"failed", "running", "paused"}:
        return False
    store.reopen_run(run)
    steps = sorted({row.step for row in failed})
    store.append(run, [JournalRow(run.id, events.RUN_RETRIED, now, data={"steps": steps})])
    for row in failed:
        row.state, row.owner, row.since = READY, None, now
        if not store.failed_by_deaths(row):
            # A new activation has a new idempotency key, for the destination may remember the
            # failure by the old one. What killed its workers keeps its key: it may have had its
            # effect, and must not have it twice.
            row.activation, row.attempt = row.activation + 1, 1
        store.update_token(row)
    store.ring()
    ring_on_commit()
    return True
