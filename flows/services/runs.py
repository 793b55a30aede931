"""Operate a run that was started: resolve a wait, cancel, retry, pause and resume."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine.errors import RunNotActive
from flows.runtime import pausing, transitions
from flows.services.errors import RunNotFailed
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit

Json = Any


def resolve_wait(
    *,
    wait_id: int,
    port: str,
    output: Json,
    now: datetime,
    actor: Actor,
    provenance: Json = None,
) -> int:
    """Resolve a wait in the caller's transaction, and return the run's id.

    The caller records the act that resolves it, for it knows more; ``actor`` goes into the step's
    provenance.

    Raises: WaitAlreadyResolved, RunNotActive, ValueRefused.
    """
    return transitions.resolve_wait(
        wait_id=wait_id,
        port=port,
        output=output,
        now=now,
        provenance={"actor": actor.name, "actor_kind": actor.kind, **(provenance or {})},
    )


@transaction.atomic
def cancel_run(*, run_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """End a run that has not completed: its tokens, waits and cases are removed.

    A step that a worker is executing is asked to stop; its result is refused by the fence.

    Raises: RunNotActive.
    """
    if not transitions.cancel(run_id=run_id, reason=reason, now=now):
        raise RunNotActive(f"Run {run_id} has ended already; there is nothing to cancel.")
    _record("run.cancelled", run_id, actor, {"reason": reason}, now)


@transaction.atomic
def retry_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Let a failed run go on from where it failed. Raises: RunNotFailed."""
    if not transitions.retry_failed(run_id=run_id, now=now):
        raise RunNotFailed(f"Run {run_id} has not failed.", "Only a failed run can be retried.")
    _record("run.retried", run_id, actor, {}, now)


@transaction.atomic
def pause_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Pause a run and the runs it called: steps under way finish, nothing new begins.

    Raises: RunNotActive.
    """
    held = pausing.pause(run_id=run_id, now=now)
    if not held:
        raise RunNotActive(f"Run {run_id} is not running.")
    _record_with_called_runs("run.paused", run_id, held, actor, now)


@transaction.atomic
def resume_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Resume a paused run, and the called runs that were paused with it.

    Raises: RunNotActive.
    """
    resumed = pausing.resume(run_id=run_id, now=now)
    if not resumed:
        raise RunNotActive(f"Run {run_id} is not paused.")
    _record_with_called_runs("run.resumed", run_id, resumed, actor, now)


def _record_with_called_runs(
    action: str, run_id: int, runs: Sequence[int], actor: Actor, now: datetime
) -> None:
    called = [each for each in runs if each != run_id]
    _record(action, run_id, actor, {"called": len(called)} if called else {}, now)
    nudge_on_commit([f"run.{each}" for each in called], {})


def _record(action: str, run_id: int, actor: Actor, payload: Json, now: datetime) -> None:
    record(action=action, subject=("run", str(run_id)), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"run.{run_id}", "runs"], {"run": run_id})
