"""Run again, in part or in whole: say first what it would reuse and repeat, then do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import transaction

from flows.engine import events
from flows.models import FlowVersion, Journal, Run, Token, TokenState
from flows.runtime.payloads import fetch
from flows.runtime.program import Program, load_program
from flows.services.errors import IdempotencyKeyReused, StepUnknown, VersionUnfit
from flows.services.starting import Started, start_run
from workbench.accounts.actors import Actor
from workbench.audit.services import record

Json = Any


@dataclass(frozen=True)
class RerunPlan:
    """What a rerun would do, before it does it. ``step`` is None for one from the start.

    ``reused`` steps keep their recorded output until they are gone through again; ``repeated`` ones
    may be gone through again; ``effects`` are those of them that act on the outside world, ``asks``
    those that wait for people or others. ``missing`` names, for a repeated step, the steps whose
    output it reads and which have none.
    """

    run_id: int
    step: str | None
    version: int
    reused: tuple[str, ...]
    repeated: tuple[str, ...]
    effects: tuple[str, ...]
    asks: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """The steps that are not gone through again: their output is what it was."""
        return tuple(step for step in self.reused if step not in self.repeated)


def plan_rerun(*, run_id: int, step: str | None, version_id: int | None = None) -> RerunPlan:
    """Say what a rerun from ``step``, or from the start, would reuse and repeat. Changes nothing.

    Raises: StepUnknown, VersionUnfit.
    """
    run = Run.objects.get(pk=run_id)
    program = program_for(run, version_id)
    if step is not None and step not in program.steps:
        raise StepUnknown(
            f"Version {program.number} has no step {step!r}.",
            f"Choose one of: {', '.join(program.steps)}.",
        )
    after = program.graph.after[step] if step is not None else program.steps.keys()
    repeated = tuple(name for name in program.steps if name in after)
    finished = _finished(run_id) if step is not None else {}
    reused = tuple(name for name in finished if name in program.steps and name != step)
    bound = {name: program.steps[name] for name in repeated}
    return RerunPlan(
        run_id=run_id,
        step=step,
        version=program.number,
        reused=reused,
        repeated=repeated,
        effects=tuple(n for n, b in bound.items() if b.type.acts_outside(b.step.config)),
        asks=tuple(n for n, b in bound.items() if b.type.waits),
        missing=_missing(program, repeated, reused),
    )


def _missing(
    program: Program, repeated: tuple[str, ...], reused: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    known = {*repeated, *reused}
    missing = {name: tuple(sorted(program.steps[name].references - known)) for name in repeated}
    return {name: steps for name, steps in missing.items() if steps}


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
) -> Started:
    """Start a new run that goes on from ``step`` with what the old run had found.

    From the start where ``step`` is None. The old run is left as it is. ``input`` None keeps the
    old input.

    Raises: StepUnknown, VersionUnfit, FlowPaused, InputInvalid, InputTooLarge,
    IdempotencyKeyReused.
    """
    old = Run.objects.select_related("flow").get(pk=run_id)
    plan = plan_rerun(run_id=run_id, step=step, version_id=version_id) if step else None
    started = start_run(
        flow=old.flow,
        input=fetch(old.input) if input is None else input,
        actor=actor,
        now=now,
        idempotency_key=idempotency_key,
        trigger="rerun",
        priority=old.priority,
        version_id=version_id or old.version_id,
    )
    run = started.run
    if not started.is_new:
        if run.rerun_of_id != run_id:
            raise IdempotencyKeyReused(run.pk, "run to repeat")
        return started
    Run.objects.filter(pk=run.pk).update(rerun_of_id=run_id)
    if plan is not None and step is not None:
        _begin_at(run, plan, step, now)
    record(
        action="run.rerun",
        subject=("run", str(run.pk)),
        actor=actor,
        payload={"of": run_id, "step": step or "the start"},
        now=now,
    )
    run.refresh_from_db()
    return started


def _begin_at(run: Run, plan: RerunPlan, step: str, now: datetime) -> None:
    """Replace the new run's first tokens by one on the step, and copy what is reused."""
    Token.objects.filter(run=run).delete()
    Token.objects.create(
        run=run, step=step, state=TokenState.READY, priority=run.priority, since=now
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


def program_for(run: Run, version_id: int | None) -> Program:
    if version_id is None:
        return load_program(run.version_id)
    if not FlowVersion.objects.filter(pk=version_id, flow_id=run.flow_id).exists():
        raise VersionUnfit("That version belongs to another flow.", "Choose one of this flow's.")
    return load_program(version_id)
