"""Run again, in part or in whole: plan what that would reuse and repeat, then do it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import transaction

from flows.engine import events
from flows.engine.moves import mark_of
from flows.models import FlowVersion, Journal, Run, Token, TokenState
from flows.runtime.artifacts import ArtifactMissing
from flows.runtime.held import find_passed_on, give_artifacts
from flows.runtime.payloads import fetch
from flows.runtime.program import Program, load_program
from flows.runtime.sealing import copy_seals
from flows.services.decisions_ahead import check_decisions
from flows.services.errors import IdempotencyKeyReused, StepUnknown, VersionUnfit
from flows.services.starting import Started, start_run
from workbench.accounts.actors import Actor
from workbench.audit.services import record, record_many

Json = Any


@dataclass(frozen=True)
class RerunPlan:
    """What a rerun would do. ``step`` is None for one from the start.

    ``reused`` steps keep their recorded output until they are executed again. ``repeated`` ones may
    be executed again; of these, ``effects`` act on the outside world and ``asks`` wait for people
    or others. ``missing`` names, for a repeated step, the steps whose output it reads and which
    have none.
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
        """The steps that are not executed again: their output stays what it was."""
        return tuple(step for step in self.reused if step not in self.repeated)


def plan_rerun(*, run_id: int, step: str | None, version_id: int | None = None) -> RerunPlan:
    """Return what a rerun from ``step``, or from the start, would reuse and repeat.

    Raises: StepUnknown, VersionUnfit.
    """
    run = Run.objects.select_related("version").defer("version__document").get(pk=run_id)
    program = get_program(run, version_id)
    _check_step(program, step, is_agent=bool(run.version.part))
    after = program.graph.after[step] if step is not None else program.steps.keys()
    repeated = tuple(name for name in program.steps if name in after)
    finished = _list_finished(run_id) if step is not None else {}
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
        missing=_find_missing(program, repeated, reused),
    )


def _check_step(program: Program, step: str | None, *, is_agent: bool) -> None:
    if step is not None and is_agent:
        # Its steps are left many times, and only the newest output of each would be kept.
        raise StepUnknown(
            "The run of an agent is repeated from its start only.",
            "Leave the step out, or repeat the run that called the agent.",
        )
    if step is not None and step not in program.steps:
        raise StepUnknown(
            f"Version {program.number} has no step {step!r}.",
            f"Choose one of: {', '.join(program.steps)}.",
        )


def _find_missing(
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
    asks: bool = False,
) -> Started:
    """Start a new run that goes on from ``step`` with what the old run had found.

    From the start where ``step`` is None. The old run is left as it is. ``input`` None keeps the
    old input. Who asked for the old run asked for the new one too, and so did who changes the
    input, or ``asks`` for it to be done anew.

    Raises: StepUnknown, VersionUnfit, VersionNotReleased, DecisionPassedOver, FlowPaused,
    InputInvalid, InputTooLarge, IdempotencyKeyReused, KeyReserved.
    """
    old = Run.objects.select_related("flow").get(pk=run_id)
    given = fetch(old.input) if input is None else input
    plan = plan_rerun(run_id=run_id, step=step, version_id=version_id)
    is_other_input = input is not None and _is_another_input(old, input)
    check_decisions(
        run_id=run_id,
        step=step,
        old=load_program(old.version_id),
        new=get_program(old, version_id),
        is_other_input=is_other_input,
    )
    asks = asks or is_other_input
    started = start_run(
        flow=old.flow,
        input=given,
        actor=actor,
        now=now,
        idempotency_key=idempotency_key,
        trigger="rerun",
        priority=old.priority,
        version_id=version_id or old.version_id,
        kept_version=old.version_id,
        passed_on=find_passed_on(run_id, given),
        asked_by=_list_requesters(old, actor, asks=asks),
    )
    if not started.is_new:
        _check_repeats(started.run, run_id)
        return started
    started.run.rerun_of_id = run_id
    started.run.save(update_fields=["rerun_of_id"])
    _begin_at_step(started.run, plan, now)
    payload = {"of": run_id, "step": step or "the start"}
    subject = ("run", str(started.run.pk))
    record(action="run.rerun", subject=subject, actor=actor, payload=payload, now=now)
    started.run.refresh_from_db()
    return started


def _is_another_input(old: Run, given: Json) -> bool:
    """Return whether it differs from the old one as JSON (for Python, 1 is True).

    So it does if the old one is gone.
    """
    try:
        before = fetch(old.input)
    except ArtifactMissing:
        return True
    return json.dumps(given, sort_keys=True) != json.dumps(before, sort_keys=True)


def _list_requesters(old: Run, actor: Actor, *, asks: bool) -> list[int]:
    """Return who asked for the rerun; who merely repeats a run asks for nothing new."""
    own = [actor.person_id] if asks and actor.person_id is not None else []
    return [*old.requested_by, *own]


def _check_repeats(run: Run, run_id: int) -> None:
    """Refuse a key that started a run which is no rerun of the one with ``run_id``."""
    if run.rerun_of_id != run_id:
        raise IdempotencyKeyReused(run.pk, "run to repeat")


def _begin_at_step(run: Run, plan: RerunPlan, now: datetime) -> None:
    """Replace the run's first tokens by one on the plan's step, and copy what is reused."""
    if plan.step is None:
        return
    Token.objects.filter(run=run).delete()
    newest = _list_finished(plan.run_id)
    rows = Journal.objects.filter(run_id=plan.run_id, seq__in=[newest[s] for s in plan.reused])
    rows = rows.order_by("seq")
    copies = [_copy(row, run, seq, now) for seq, row in enumerate(rows, 2)]
    Token.objects.create(
        run=run,
        step=plan.step,
        state=TokenState.READY,
        priority=run.priority,
        since=now,
        visits=_find_rework(load_program(run.version_id), copies),
    )
    Journal.objects.bulk_create(copies, batch_size=500)
    record_many(copy_seals(rows, run.pk), now=now)
    give_artifacts(run.pk, find_passed_on(plan.run_id, [row.data for row in copies]))
    Run.objects.filter(pk=run.pk).update(seq=1 + len(copies))


def _find_rework(program: Program, rows: Sequence[Journal]) -> dict[str, int]:
    """Return the mark of a matter that people had returned when the old run came here, or {}."""
    rework = program.graph.rework
    asked = [row for row in rows if row.step in rework.asking]
    returned = [row for row in asked[-1:] if (row.step, row.port) in rework.returning]
    return {mark_of(row.step): 1 for row in returned}


def _copy(row: Journal, run: Run, seq: int, now: datetime) -> Journal:
    """Return the row for the journal of a rerun; its provenance says where it comes from."""
    return Journal(
        run_id=run.pk,
        seq=seq,
        kind=row.kind,
        step=row.step,
        port=row.port,
        data=row.data,
        provenance={**(row.provenance or {}), "reused_from": f"{row.run_id}:{row.seq}"},
        began_at=row.began_at,
        at=now,
    )


def _list_finished(run_id: int) -> dict[str, int]:
    """Return ``{step: seq of its newest finish}``, in the order the steps were finished."""
    rows = Journal.objects.filter(
        run_id=run_id, kind__in=[events.STEP_FINISHED, events.JOIN_FIRED]
    ).order_by("seq")
    return dict(rows.values_list("step", "seq"))


def get_program(run: Run, version_id: int | None) -> Program:
    """Return the program of a version of the run's flow: the run's own by default.

    Raises: VersionUnfit.
    """
    if version_id is None:
        return load_program(run.version_id)
    part = run.version.part
    if not FlowVersion.with_parts.filter(pk=version_id, flow_id=run.flow_id, part=part).exists():
        raise VersionUnfit(
            "That version belongs to another flow, or to another part of it.",
            "Choose one of this run's.",
        )
    return load_program(version_id)
