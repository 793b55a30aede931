"""What an event does to a run, written in one transaction.

Two ways in: ``commit`` for the steps that workers finish, in batches; the ``…_wait`` and
``…_token`` functions for what comes from outside (a decision, a timer, an operator). Both lock the
run, ask the planner, and write its plan with the journal.
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
from flows.runtime.change import Change, Standing, cancel_wait, holds, journal_of, stand
from flows.runtime.doorbell import ring_on_commit
from flows.runtime.program import load_program
from flows.store import get_store
from flows.store.base import Store
from flows.store.resumption import Hop, OpenWait, lock_open_wait, move_on
from flows.store.rows import Claim, JournalRow, Move, RunRow, TokenRow, WaitRow
from flows.triggers.hearing import hears_ends_of
from workbench.live import nudge_on_commit

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
            standing = stand(store, runs.values())
            change = Change(store, worker_id)
            for n in rest:
                if here := standing.get(batch[n].claim.run_id):
                    goes_on[n] = change.finish(here, batch[n])
            change.close()
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
    edge = graph.find_independent_edge(item.claim.step, port)
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
    standing = stand(store, [run])[run.id]
    token = _waiting_token(standing, wait)
    store.delete_timers(token.id)
    change = Change(store)
    entry = journal_of(token, events.STEP_FINISHED, now)
    entry.port, entry.data, entry.provenance = port, output, provenance
    change.play(standing, load_program(run.version_id), Finished(token.id, (port,)), entry, now)
    change.close()
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
    edge = load_program(wait.version_id).graph.find_independent_edge(wait.step, port)
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
    token = _waiting_token(stand(store, [run])[run.id], wait)
    fail_token(token_id=token.id, run_id=run.id, error=error, now=now)


def fail_token(*, token_id: int, run_id: int, error: dict[str, Json], now: datetime) -> None:
    """Fail a token for good, from outside its worker. Locks the run; a token gone is left gone."""
    store = get_store()
    run = store.lock_runs([run_id])[run_id]
    standing = stand(store, [run])[run_id]
    token = standing.tokens.get(token_id)
    if token is None or run.status not in {"running", "paused"}:
        return
    program = load_program(run.version_id)
    for wait_id, step in store.cancel_waits([token.id], now):
        cancel_wait(program, wait_id, step, now)
    store.delete_timers(token.id)
    change = Change(store)
    change.fail(standing, program, token, error, now)
    change.close()
    nudge_on_commit([f"run.{run.id}", "runs"], {"run": run.id, "seq": run.seq})


def put_off(*, claim: Claim, action: Defer, now: datetime) -> None:
    """Let another worker try later what this one cannot even load. Locks the run."""
    store = get_store()
    with transaction.atomic():
        standing = stand(store, store.lock_runs([claim.run_id]).values()).get(claim.run_id)
        token = standing.tokens.get(claim.token_id) if standing else None
        if standing is None or token is None or not holds(token, claim):
            return
        change = Change(store)
        change.defer(standing, token, journal_of(token, events.STEP_DEFERRED, now), action)
        change.close()


def _waiting_token(standing: Standing, wait: WaitRow) -> TokenRow:
    token = standing.tokens.get(wait.token_id)
    if token is None or token.activation != wait.activation or token.state != "waiting":
        raise RunNotActive(f"Run {wait.run_id} no longer waits at step {wait.step!r}.")
    return token


# --- Operations on a whole run ------------------------------------------------------------


def cancel(*, run_id: int, reason: str, now: datetime, tell_parent: bool = True) -> bool:
    """End the run and all that hangs on it; False if it had ended. Call inside a transaction."""
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    if run is None or run.status in {"completed", "cancelled"}:
        return False
    if not tell_parent:
        run.parent_wait_id = None
    change = Change(store)
    error = {"kind": "cancelled", "message": reason}
    change.cancel(stand(store, [run])[run.id], load_program(run.version_id), error, now)
    change.close()
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
