"""Start runs, each once for its idempotency key."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from flows.engine import events
from flows.engine.lanes import PRIORITY, Lane, lane_of
from flows.engine.planner import plan_start
from flows.models import Flow, Journal, Run, RunStatus
from flows.policies.points import START, StartInput, Verdict
from flows.runtime.labels import NOTHING, Labels
from flows.runtime.payloads import fetch, store_if_large
from flows.runtime.program import Program, load_program
from flows.services.chains import Place, check_limits, place_after
from flows.services.errors import (
    FlowNotReleased,
    FlowPaused,
    IdempotencyKeyReused,
    InputInvalid,
    InputTooLarge,
)
from flows.services.giving import find_gifts, give_to_runs
from flows.services.judging import judge_act, tell_actor
from flows.services.run_keys import check_key
from flows.services.version_choice import check_version
from flows.store import get_store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import NewRunRow
from workbench.accounts.actors import Actor
from workbench.audit.services import Act, record_many
from workbench.live import nudge_on_commit
from workbench.values.checking import check_value
from workbench.values.refusals import ValueRefused

Json = Any


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to start. Of two with the same ``idempotency_key`` in a flow, only the first starts.

    A key of our own is an ``OwnKey``; any other is one that somebody gave.
    """

    input: Json
    idempotency_key: str | None = None
    priority: int | None = None  # None: that of the flow's lane


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was asked for. ``is_new`` is False if its key had started it before."""

    run: Run
    is_new: bool


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
    kept_version: int | None = None,
    passed_on: Labels = NOTHING,
    asked_by: Collection[int] | None = None,
    cause: Run | None = None,
) -> Started:
    """Start a run, of the released version by default; a repeated key gives its earlier run.

    ``asked_by``, ``passed_on``, ``kept_version`` and ``cause`` as for ``start_runs``.

    Raises: VersionNotReleased, StartLimit, FlowNotReleased, FlowPaused, InputInvalid,
    InputTooLarge, IdempotencyKeyReused, KeyReserved, PolicyRefused.
    """
    new = NewRun(input, idempotency_key, priority)
    [started] = start_runs(
        flow=flow, runs=[new], actor=actor, now=now, trigger=trigger, version_id=version_id,
        kept_version=kept_version, passed_on=passed_on, asked_by=asked_by, cause=cause,
    )  # fmt: skip
    return started


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
    kept_version: int | None = None,
    passed_on: Labels = NOTHING,
    asked_by: Collection[int] | None = None,
    cause: Run | None = None,
) -> list[Started]:
    """Start many runs in one transaction: all of them or none. Return them in the given order.

    With ``at_once``, the runs past that number start paused; whoever called them resumes them.
    ``passed_on`` are the artifacts that their cause hands over, beside those that the actor may
    give.

    ``asked_by`` are the users who asked for what causes the runs, such as the run that calls them.
    Without it, the person who starts them asked for them. ``kept_version`` is a version that anyone
    may choose beside the released one: that of the run which is done again.

    Raises: VersionNotReleased, StartLimit, FlowNotReleased, FlowPaused, InputInvalid,
    InputTooLarge, IdempotencyKeyReused, KeyReserved, PolicyRefused.
    """
    check_version(flow, version_id, actor, kept=kept_version)
    program = _program_to_start(flow, version_id)
    for new in runs:
        check_key(new.idempotency_key)
        _check_input(program, new.input)
    known = _started_before(flow, runs)
    new_runs = list(_first_of_each_key(runs, known))
    verdicts = [_judge_start(new, flow, program, trigger, actor, now) for new in new_runs]
    gifts = find_gifts([new.input for new in new_runs], actor, passed_on)
    place = place_after(cause)
    made = [
        _to_row(
            new, program, trigger=trigger, actor=actor, parent_wait_id=parent_wait_id,
            is_held=at_once is not None and n >= at_once, asked_by=asked_by, place=place, now=now,
        )
        for n, new in enumerate(new_runs)
    ]  # fmt: skip
    if made:
        check_limits(place, flow, len(made), now)
    Run.objects.bulk_create(made, batch_size=500)
    give_to_runs([run.pk for run in made], gifts)
    started = list(_match_with_runs(runs, made, known, program if version_id else None))
    if made:
        _put_on_first_steps(made, program, trigger, now)
        _record_starts(made, verdicts, flow, program, trigger, actor, now)
        nudge_on_commit(["runs", f"flow.{flow.name}"], {"started": len(made)})
    return started


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
    try:
        check_value(input)
    except ValueRefused as error:
        fault = {"path": error.at.lstrip("/"), "message": f"{error.message} {error.remedy}"}
        raise InputInvalid([fault]) from error
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


def _to_row(
    new: NewRun, program: Program, *, trigger: str, actor: Actor, parent_wait_id: int | None,
    is_held: bool, asked_by: Collection[int] | None, place: Place, now: datetime,
) -> Run:  # fmt: skip
    usual = PRIORITY[Lane(program.document.lane or Lane.STANDARD)]
    return Run(
        flow_id=program.flow_id,
        version_id=program.version_id,
        input=store_if_large(new.input, name="input", now=now),
        idempotency_key=str(new.idempotency_key) if new.idempotency_key else None,
        priority=usual if new.priority is None else new.priority,
        trigger=trigger,
        started_by=actor.name[:150],
        requested_by=_list_requesters(actor) if asked_by is None else sorted(set(asked_by)),
        parent_wait_id=parent_wait_id,
        root_id=place.root_id,
        depth=place.depth,
        status=RunStatus.PAUSED if is_held else RunStatus.RUNNING,
        started_at=now,
        seq=1,
    )


def _list_requesters(actor: Actor) -> list[int]:
    return [] if actor.person_id is None else [actor.person_id]


def _put_on_first_steps(made: Sequence[Run], program: Program, trigger: str, now: datetime) -> None:
    get_store().start_runs(
        [NewRunRow(run.pk, run.priority, run.status == RunStatus.PAUSED) for run in made],
        list(plan_start(program.graph).placed.values()),
        data={"trigger": trigger},
        now=now,
    )
    get_store().ring()
    ring_on_commit()


def _judge_start(
    new: NewRun, flow: Flow, program: Program, trigger: str, actor: Actor, now: datetime
) -> Verdict:
    """Raises: PolicyRefused."""
    return judge_act(
        START,
        lambda: StartInput(
            flow=flow.name, version=program.number, trigger=trigger, input=new.input,
            actor=tell_actor(actor), at=now,
        ),
        flow=flow.name,
        actor=actor,
    )  # fmt: skip


def _record_starts(
    made: Sequence[Run], verdicts: Sequence[Verdict], flow: Flow, program: Program, trigger: str,
    actor: Actor, now: datetime,
) -> None:  # fmt: skip
    payload = {"flow": flow.name, "version": program.number, "trigger": trigger}
    acts = [
        Act("run.started", ("run", str(run.pk)), actor, {**payload, **verdict.as_payload()})
        for run, verdict in zip(made, verdicts, strict=True)
    ]
    record_many(acts, now=now)


# --- Idempotency keys ---------------------------------------------------------------------


def _started_before(flow: Flow, runs: Sequence[NewRun]) -> dict[str, Run]:
    """Return the runs that the keys have started, by key. Locks the flow's row if there are keys.

    The row is the lock of its keys: two starts with one key come one after the other.
    """
    keys = [new.idempotency_key for new in runs if new.idempotency_key]
    if not keys:
        return {}
    Flow.objects.select_for_update().only("id").get(pk=flow.pk)
    found = Run.objects.filter(flow=flow, idempotency_key__in=keys)
    return {str(run.idempotency_key): run for run in found}


def _first_of_each_key(runs: Sequence[NewRun], known: Mapping[str, Run]) -> Iterator[NewRun]:
    seen = set(known)
    for new in runs:
        if not new.idempotency_key:
            yield new
        elif new.idempotency_key not in seen:
            seen.add(new.idempotency_key)
            yield new


def _match_with_runs(
    runs: Sequence[NewRun], made: Sequence[Run], known: Mapping[str, Run], chosen: Program | None
) -> Iterator[Started]:
    """Yield the run of each; ``chosen`` is the version, if the caller named one.

    Raises: IdempotencyKeyReused.
    """
    by_key, fresh = dict(known), iter(made)
    for new in runs:
        earlier = by_key.get(new.idempotency_key or "")
        if earlier is not None:
            _check_repeat(earlier, new, chosen)
            yield Started(earlier, is_new=False)
            continue
        run = next(fresh)
        if run.idempotency_key:
            by_key[run.idempotency_key] = run
        yield Started(run, is_new=True)


def _check_repeat(run: Run, new: NewRun, chosen: Program | None) -> None:
    """Refuse a start that asks for another run than the one its key started."""
    if fetch(run.input) != new.input:
        raise IdempotencyKeyReused(run.pk, "input")
    if _is_in_another_lane(run, new.priority):
        raise IdempotencyKeyReused(run.pk, "lane")
    if chosen is not None and _is_of_another_version(run, chosen):
        raise IdempotencyKeyReused(run.pk, "version")


def _is_in_another_lane(run: Run, priority: int | None) -> bool:
    """Return True if the run was started with another priority, before any move to a lane."""
    if priority is None:
        return False
    moved = _first_change(run, events.RUN_MOVED)
    return lane_of(priority) != moved["before"] if moved else priority != run.priority


def _is_of_another_version(run: Run, chosen: Program) -> bool:
    """Return True if the run was started on another version, before any migration."""
    migrated = _first_change(run, events.RUN_MIGRATED)
    return migrated["from"] != chosen.number if migrated else run.version_id != chosen.version_id


def _first_change(run: Run, kind: str) -> Json:
    rows = Journal.objects.filter(run_id=run.pk, kind=kind).order_by("seq")
    return rows.values_list("data", flat=True).first()
