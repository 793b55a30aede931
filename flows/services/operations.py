"""Operations on runs that look before they leap: rerun, migrate, and each of them in bulk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine import events
from flows.engine.errors import EngineError
from flows.models import Flow, FlowVersion, Journal, Run, RunStatus, Token, TokenState
from flows.runtime.doorbell import ring_on_commit
from flows.runtime.payloads import fetch
from flows.runtime.program import Program, load_program
from flows.services.errors import RunBusy, ServiceError, StepUnknown, VersionUnfit
from flows.services.runs import pause_run, resume_run, start_run
from flows.steps.base import RunningStep
from flows.store import get_store
from workbench.audit.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit

Json = Any


# --- Rerun --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What a rerun would do, before it does it.

    ``reused`` steps keep their recorded output; ``repeated`` ones are gone through again;
    ``effects`` are those of them that act on the outside world; ``asks`` wait for people or others.
    """

    run_id: int
    step: str
    version: int
    reused: tuple[str, ...]
    repeated: tuple[str, ...]
    effects: tuple[str, ...]
    asks: tuple[str, ...]


def plan_rerun(*, run_id: int, step: str, version_id: int | None = None) -> RerunPlan:
    """Say what a rerun from ``step`` would reuse and repeat. Changes nothing.

    Raises: StepUnknown, VersionUnfit.
    """
    run = Run.objects.get(pk=run_id)
    program = _program_for(run, version_id)
    if step not in program.steps:
        raise StepUnknown(
            f"Version {program.number} has no step {step!r}.",
            f"Choose one of: {', '.join(program.steps)}.",
        )
    repeated = [name for name in program.steps if name in program.graph.after[step]]
    types = {name: program.steps[name].type for name in repeated}
    finished = _finished(run_id)
    return RerunPlan(
        run_id=run_id,
        step=step,
        version=program.number,
        reused=tuple(name for name in finished if name in program.steps and name != step),
        repeated=tuple(repeated),
        effects=tuple(n for n, t in types.items() if isinstance(t, RunningStep) and t.effects),
        asks=tuple(n for n, t in types.items() if t.waits),
    )


@transaction.atomic
def rerun(
    *,
    run_id: int,
    step: str | None,
    actor: Actor,
    now: datetime,
    input: Json = None,
    version_id: int | None = None,
    idempotency_key: str | None = None,
) -> Run:
    """Start a new run that goes on from ``step`` with what the old one had found, or from the
    start where ``step`` is None. The old run is left as it is. ``input`` None keeps the old input.

    Raises: StepUnknown, VersionUnfit, FlowPaused, InputInvalid, InputTooLarge.
    """
    old = Run.objects.select_related("flow").get(pk=run_id)
    plan = plan_rerun(run_id=run_id, step=step, version_id=version_id) if step else None
    run = start_run(
        flow=old.flow,
        input=fetch(old.input) if input is None else input,
        actor=actor,
        now=now,
        idempotency_key=idempotency_key,
        trigger="rerun",
        priority=old.priority,
        version_id=version_id or old.version_id,
    )
    if run.rerun_of_id is not None:
        return run
    Run.objects.filter(pk=run.pk).update(rerun_of_id=run_id)
    if plan is not None:
        _begin_at(run, plan, now)
    record(
        action="run.rerun",
        subject=("run", str(run.pk)),
        actor=actor,
        payload={"of": run_id, "step": step or "the start"},
        now=now,
    )
    run.refresh_from_db()
    return run


def _begin_at(run: Run, plan: RerunPlan, now: datetime) -> None:
    """Replace the new run's first tokens by one on the step, and copy what is reused."""
    Token.objects.filter(run=run).delete()
    Token.objects.create(
        run=run, step=plan.step, state=TokenState.READY, priority=run.priority, since=now
    )
    newest = _finished(plan.run_id)
    rows = Journal.objects.filter(run_id=plan.run_id, seq__in=[newest[s] for s in plan.reused])
    copies = [
        Journal(
            run_id=run.pk,
            seq=seq,
            kind=row.kind,
            step=row.step,
            port=row.port,
            data=row.data,
            provenance={**(row.provenance or {}), "reused_from": f"{plan.run_id}:{row.seq}"},
            began_at=row.began_at,
            at=now,
        )
        for seq, row in enumerate(rows.order_by("seq"), 2)
    ]
    Journal.objects.bulk_create(copies, batch_size=500)
    Run.objects.filter(pk=run.pk).update(seq=1 + len(copies))


def _finished(run_id: int) -> dict[str, int]:
    """Return the steps with an output, in the order they were done, with the newest row of each."""
    rows = Journal.objects.filter(
        run_id=run_id, kind__in=[events.STEP_FINISHED, events.JOIN_FIRED]
    ).order_by("seq")
    return dict(rows.values_list("step", "seq"))


def _program_for(run: Run, version_id: int | None) -> Program:
    if version_id is None:
        return load_program(run.version_id)
    if not FlowVersion.objects.filter(pk=version_id, flow_id=run.flow_id).exists():
        raise VersionUnfit("That version belongs to another flow.", "Choose one of this flow's.")
    return load_program(version_id)


# --- Migrate ------------------------------------------------------------------------------


@transaction.atomic
def migrate_run(*, run_id: int, version_id: int, actor: Actor, now: datetime) -> None:
    """Let a waiting run go on with another version, where each of its steps still exists.

    Locks the run. Raises: VersionUnfit, RunBusy.
    """
    store = get_store()
    run = store.lock_runs([run_id])[run_id]
    model = Run.objects.get(pk=run_id)
    old, new = load_program(run.version_id), _program_for(model, version_id)
    tokens = store.tokens_of([run_id])
    if run.status not in {"running", "paused"} or any(t.state == "running" for t in tokens):
        raise RunBusy(f"Run {run_id} is not waiting now.", "Pause it, or try again when it waits.")
    for token in tokens:
        _check_fit(old, new, token.step)
    store.append_kind(run, events.RUN_MIGRATED, {"from": old.number, "to": new.number}, now)
    Run.objects.filter(pk=run_id).update(version_id=version_id)
    payload = {"before": old.number, "version": new.number}
    record(
        action="run.migrated", subject=("run", str(run_id)), actor=actor, payload=payload, now=now
    )
    nudge_on_commit([f"run.{run_id}", "runs"], {"run": run_id})


def _check_fit(old: Program, new: Program, step: str) -> None:
    there = new.steps.get(step)
    if there is None:
        raise VersionUnfit(
            f"Version {new.number} has no step {step!r}, on which the run stands.",
            "Keep the step in the version, or let the run end on its own.",
        )
    if there.step.type != old.steps[step].step.type:
        raise VersionUnfit(
            f"Step {step!r} is of another type in version {new.number}.",
            "Give the new step another name.",
        )


# --- Bulk ---------------------------------------------------------------------------------


@dataclass(slots=True)
class BulkResult:
    """How many runs it was done for, and why not for the others."""

    done: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def for_each_run(
    run_ids: Iterable[int], operation: Callable[[int], object], *, most: int = 10_000
) -> BulkResult:
    """Do ``operation`` for each run, in a transaction of its own; one refusal stops no other."""
    result = BulkResult()
    for run_id in list(run_ids)[:most]:
        try:
            operation(run_id)
        except (ServiceError, EngineError) as error:
            result.refused.append((run_id, str(error)))
        else:
            result.done += 1
    return result


# --- A whole flow -------------------------------------------------------------------------


def pause_flow(*, flow_id: int, actor: Actor, now: datetime) -> BulkResult:
    """Take no new runs and hold those that run; steps under way finish."""
    with transaction.atomic():
        flow = _set_flow_paused(flow_id, now, actor, "flow.paused", now)
    return for_each_run(
        _runs(flow, RunStatus.RUNNING),
        lambda run_id: pause_run(run_id=run_id, actor=actor, now=now),
    )


def resume_flow(*, flow_id: int, actor: Actor, now: datetime) -> BulkResult:
    """Take new runs again and let the held ones go on."""
    with transaction.atomic():
        flow = _set_flow_paused(flow_id, None, actor, "flow.resumed", now)
        ring_on_commit()
    return for_each_run(
        _runs(flow, RunStatus.PAUSED),
        lambda run_id: resume_run(run_id=run_id, actor=actor, now=now),
    )


def _set_flow_paused(
    flow_id: int, paused_at: datetime | None, actor: Actor, action: str, now: datetime
) -> Flow:
    flow = Flow.objects.select_for_update(of=("self",)).get(pk=flow_id)
    flow.paused_at = paused_at
    flow.save(update_fields=["paused_at"])
    record(action=action, subject=("flow", flow.name), actor=actor, payload={}, now=now)
    nudge_on_commit([f"flow.{flow.name}"], {"paused": paused_at is not None})
    return flow


def _runs(flow: Flow, status: RunStatus) -> Sequence[int]:
    # Children of a for-each that wait for their turn are paused too; their caller resumes them.
    runs = Run.objects.filter(flow=flow, status=status)
    if status == RunStatus.PAUSED:
        runs = runs.exclude(parent_wait_id__isnull=False, seq=1)
    return list(runs.order_by("pk").values_list("pk", flat=True))
