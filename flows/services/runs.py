"""Start runs and operate them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.engine.lanes import PRIORITY, Lane
from flows.engine.planner import plan_start
from flows.models import Flow, Run, RunStatus
from flows.runtime import pausing, transitions
from flows.runtime.payloads import store_if_large
from flows.runtime.program import Program, load_program
from flows.services.errors import (
    FlowNotReleased,
    FlowPaused,
    InputInvalid,
    InputTooLarge,
    RunNotFailed,
)
from flows.store import get_store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import NewRunRow
from workbench.accounts.actors import Actor
from workbench.audit.services import Act, record, record_many
from workbench.live import nudge_on_commit

Json = Any

__all__ = [
    "NewRun",
    "RunNotActive",
    "WaitAlreadyResolved",
    "cancel_run",
    "pause_run",
    "resolve_wait",
    "resume_run",
    "retry_run",
    "start_run",
    "start_runs",
]


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to start. Of two with one ``idempotency_key`` in a flow, only the first starts."""

    input: Json
    idempotency_key: str | None = None
    priority: int | None = None  # None: that of the flow's lane


def start_run(
    *,
    flow: Flow,
    input: Json,
    actor: Actor,
    now: datetime,
    idempotency_key: str | None = None,
    trigger: str = "api",
    priority: int | None = None,
    version_id: int | None = None,
) -> Run:
    """Start a run of the released version; the same key gives the run it started before.

    Raises: FlowNotReleased, FlowPaused, InputInvalid, InputTooLarge.
    """
    new = NewRun(input, idempotency_key, priority)
    [run] = start_runs(
        flow=flow, runs=[new], actor=actor, now=now, trigger=trigger, version_id=version_id
    )
    return run


@transaction.atomic
def start_runs(
    *,
    flow: Flow,
    runs: Sequence[NewRun],
    actor: Actor,
    now: datetime,
    trigger: str = "api",
    version_id: int | None = None,
    parent_wait_id: int | None = None,
    at_once: int | None = None,
) -> list[Run]:
    """Start many runs in one transaction: all of them or none. Returns them in order.

    With ``at_once``, those past that number start paused, for whoever called them to resume.

    Raises: FlowNotReleased, FlowPaused, InputInvalid, InputTooLarge.
    """
    program = _program_to_start(flow, version_id)
    for new in runs:
        _check_input(program, new.input)
    known = _started_before(flow, runs)
    usual = PRIORITY[Lane(program.document.lane or Lane.STANDARD)]
    fresh = {new.idempotency_key or object(): new for new in runs if not _is_known(new, known)}
    made = [
        Run(
            flow_id=flow.pk,
            version_id=program.version_id,
            input=store_if_large(new.input, name="input", now=now),
            idempotency_key=new.idempotency_key,
            priority=usual if new.priority is None else new.priority,
            trigger=trigger,
            started_by=actor.name[:150],
            parent_wait_id=parent_wait_id,
            status="running" if at_once is None or n < at_once else "paused",
            started_at=now,
            seq=1,
        )
        for n, new in enumerate(fresh.values())
    ]
    Run.objects.bulk_create(made, batch_size=500)
    get_store().start_runs(
        [NewRunRow(run.pk, run.priority, run.status == RunStatus.PAUSED) for run in made],
        list(plan_start(program.graph).placed.values()),
        data={"trigger": trigger},
        now=now,
    )
    record_many(
        [
            Act(
                "run.started",
                ("run", str(run.pk)),
                actor,
                {"flow": flow.name, "version": program.number, "trigger": trigger},
            )
            for run in made
        ],
        now=now,
    )
    if made:
        get_store().ring()
        ring_on_commit()
        nudge_on_commit(["runs", f"flow.{flow.name}"], {"started": len(made)})
    return _in_order(runs, made, known)


def _program_to_start(flow: Flow, version_id: int | None) -> Program:
    if flow.paused_at is not None:
        raise FlowPaused(f"Flow {flow.name!r} is paused.", "Resume it, then start the run again.")
    chosen = version_id or flow.released_id
    if chosen is None:
        raise FlowNotReleased(
            f"Flow {flow.name!r} has no released version.",
            "Publish its draft, or release a version.",
        )
    return load_program(chosen)


def _check_input(program: Program, input: Json) -> None:
    size = len(json.dumps(input, separators=(",", ":")))
    if size > settings.MAX_PAYLOAD_BYTES:
        raise InputTooLarge(
            f"The input has {size:,} bytes; at most {settings.MAX_PAYLOAD_BYTES:,} are taken.",
            "Store large parts as artifacts and pass their references.",
        )
    errors = [
        {"path": "/".join(str(part) for part in error.instance_path), "message": error.message}
        for error in program.input_validator.iter_errors(input)
    ]
    if errors:
        raise InputInvalid(errors)


def _started_before(flow: Flow, runs: Sequence[NewRun]) -> dict[str, Run]:
    keys = [new.idempotency_key for new in runs if new.idempotency_key]
    if not keys:
        return {}
    # The flow's row is the lock of its keys: two starts with one key come one after the other.
    Flow.objects.select_for_update().only("id").get(pk=flow.pk)
    found = Run.objects.filter(flow=flow, idempotency_key__in=keys)
    return {str(run.idempotency_key): run for run in found}


def _is_known(new: NewRun, known: dict[str, Run]) -> bool:
    return new.idempotency_key is not None and new.idempotency_key in known


def _in_order(runs: Sequence[NewRun], made: list[Run], known: dict[str, Run]) -> list[Run]:
    by_key = {run.idempotency_key: run for run in made if run.idempotency_key} | known
    without_key = iter([run for run in made if run.idempotency_key is None])
    return [
        by_key[new.idempotency_key] if new.idempotency_key else next(without_key) for new in runs
    ]


# --- What people and other systems do to a run -------------------------------------------------


def resolve_wait(
    *,
    wait_id: int,
    port: str,
    output: Json,
    now: datetime,
    actor: Actor,
    provenance: Json = None,
) -> int:
    """Resolve a wait inside the caller's transaction; return the run's id.

    The act that resolves it is recorded by whoever decides, with what it knows; ``actor`` goes into
    the step's provenance.

    Raises: WaitAlreadyResolved, RunNotActive.
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
    """End a run that has not completed: its tokens, waits and cases go away.

    A step that a worker is in is told; whatever it still says is refused by the fence.

    Raises: RunNotActive.
    """
    if not transitions.cancel(run_id=run_id, reason=reason, now=now):
        raise RunNotActive(f"Run {run_id} has ended before; there is nothing to cancel.")
    _recorded("run.cancelled", run_id, actor, {"reason": reason}, now)


@transaction.atomic
def retry_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Let a failed run go on from where it failed. Raises: RunNotFailed."""
    if not transitions.retry_failed(run_id=run_id, now=now):
        raise RunNotFailed(f"Run {run_id} has not failed.", "Only a failed run can be retried.")
    _recorded("run.retried", run_id, actor, {}, now)


@transaction.atomic
def pause_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Hold a run and those it called: steps under way finish, nothing new begins.

    Raises: RunNotActive.
    """
    held = pausing.pause(run_id=run_id, now=now)
    if not held:
        raise RunNotActive(f"Run {run_id} is not running.")
    _recorded_with_called("run.paused", run_id, held, actor, now)


@transaction.atomic
def resume_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Let a paused run go on, with the called runs that were paused with it.

    Raises: RunNotActive.
    """
    going = pausing.resume(run_id=run_id, now=now)
    if not going:
        raise RunNotActive(f"Run {run_id} is not paused.")
    _recorded_with_called("run.resumed", run_id, going, actor, now)


def _recorded_with_called(
    action: str, run_id: int, runs: Sequence[int], actor: Actor, now: datetime
) -> None:
    called = [each for each in runs if each != run_id]
    _recorded(action, run_id, actor, {"called": len(called)} if called else {}, now)
    nudge_on_commit([f"run.{each}" for each in called], {})


def _recorded(action: str, run_id: int, actor: Actor, payload: Json, now: datetime) -> None:
    record(action=action, subject=("run", str(run_id)), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"run.{run_id}", "runs"], {"run": run_id})
