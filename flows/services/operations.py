"""Move a run to another version or lane, and do an operation for many runs at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine import events
from flows.engine.errors import EngineError, RunNotActive
from flows.engine.lanes import PRIORITY, Lane, lane_of
from flows.models import Run, Token
from flows.runtime.program import Program, load_program
from flows.services.errors import RunBusy, ServiceError, VersionUnfit
from flows.services.reruns import get_program
from flows.services.version_choice import check_version
from flows.store import get_store
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit

Json = Any


# --- Migrate ------------------------------------------------------------------------------


@transaction.atomic
def migrate_run(*, run_id: int, version_id: int, actor: Actor, now: datetime) -> None:
    """Let a waiting run go on with another version that has the steps at which it waits.

    Locks the run. Raises: VersionUnfit, VersionNotReleased, RunBusy.
    """
    store = get_store()
    run = store.lock_runs([run_id])[run_id]
    model = Run.objects.select_related("flow").get(pk=run_id)
    check_version(model.flow, version_id, actor, kept=model.version_id)
    old, new = load_program(run.version_id), get_program(model, version_id)
    tokens = store.list_tokens([run_id])
    if run.status not in {"running", "paused"} or any(t.state == "running" for t in tokens):
        raise RunBusy(f"Run {run_id} is not waiting now.", "Pause it, or try again when it waits.")
    for token in tokens:
        _check_step_fits(old, new, token.step)
    store.append_event(run, events.RUN_MIGRATED, {"from": old.number, "to": new.number}, now)
    Run.objects.filter(pk=run_id).update(version_id=version_id)
    payload = {"before": old.number, "version": new.number}
    record(
        action="run.migrated", subject=("run", str(run_id)), actor=actor, payload=payload, now=now
    )
    nudge_on_commit([f"run.{run_id}", "runs"], {"run": run_id})


def _check_step_fits(old: Program, new: Program, step: str) -> None:
    target = new.steps.get(step)
    if target is None:
        raise VersionUnfit(
            f"Version {new.number} has no step {step!r}, at which the run waits.",
            "Keep the step in the version, or let the run end on its own.",
        )
    if target.step.type != old.steps[step].step.type:
        raise VersionUnfit(
            f"Step {step!r} is of another type in version {new.number}.",
            "Give the new step another name.",
        )


# --- Lane ---------------------------------------------------------------------------------


@transaction.atomic
def move_to_lane(*, run_id: int, lane: Lane, actor: Actor, now: datetime) -> None:
    """Move a run to another lane; a step under way is not disturbed. Locks the run.

    Raises: RunNotActive.
    """
    store = get_store()
    run = store.lock_runs([run_id]).get(run_id)
    if run is None or run.status not in {"running", "paused"}:
        raise RunNotActive(f"Run {run_id} has ended, so its lane cannot change.")
    Run.objects.filter(pk=run_id).update(priority=PRIORITY[lane])
    Token.objects.filter(run_id=run_id).update(priority=PRIORITY[lane])
    payload = {"before": lane_of(run.priority).value, "lane": lane.value}
    store.append_event(run, events.RUN_MOVED, payload, now)
    record(action="run.moved", subject=("run", str(run_id)), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"run.{run_id}", "runs"], {"run": run_id})


# --- Many ---------------------------------------------------------------------------------


@dataclass(slots=True)
class BulkResult:
    """For how many runs it was done, and why it was refused for the others."""

    done: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def for_each_run(
    run_ids: Iterable[int], operation: Callable[[int], object], *, most: int = 10_000
) -> BulkResult:
    """Do ``operation`` for each run, in a transaction of its own; a refusal does not stop it."""
    result = BulkResult()
    for run_id in list(run_ids)[:most]:
        try:
            operation(run_id)
        except (ServiceError, EngineError) as error:
            result.refused.append((run_id, str(error)))
        else:
            result.done += 1
    return result
