"""Read recorded runs from their journals, in the form that a replay needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flows.engine import events
from flows.models import Journal, Run, Wait, WaitState
from flows.runtime.payloads import fetch

Json = Any


@dataclass(frozen=True, slots=True)
class Visit:
    """How a recorded activation left its step. ``data`` is its output, or its error."""

    step: str
    port: str
    data: Json
    failed: bool
    seconds: float
    at: datetime
    provenance: Json = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded run. ``waits_at`` are the steps at which it still waits."""

    run_id: int
    version_id: int
    input: Json
    status: str
    outcome: str
    error: Json
    started_at: datetime
    visits: tuple[Visit, ...] = ()
    waits_at: tuple[str, ...] = ()
    # The runs of its own parts, such as agents, by the step that called them, in order.
    parts: Mapping[str, tuple["Recording", ...]] = field(default_factory=dict)

    @property
    def with_parts(self) -> tuple["Recording", ...]:
        """The recording itself, and those of its parts."""
        return (self, *(each for found in self.parts.values() for each in found))


def read_recordings(run_ids: Sequence[int]) -> list[Recording]:
    """Return the recordings in the order of ``run_ids``, without runs that are gone: 7 queries."""
    called = _list_parts(run_ids)
    parts = {each.run_id: each for each in _read([run_id for *_, run_id in called])}
    by_caller: dict[int, dict[str, tuple[Recording, ...]]] = {}
    for caller, step, run_id in called:
        if run_id in parts:
            found = by_caller.setdefault(caller, {})
            found[step] = (*found.get(step, ()), parts[run_id])
    return [replace(each, parts=by_caller.get(each.run_id, {})) for each in _read(run_ids)]


def _list_parts(run_ids: Sequence[int]) -> list[tuple[int, str, int]]:
    """Return caller, step and run of each part that the runs have called, in order."""
    waits = Wait.objects.filter(run_id__in=run_ids, kind="child")
    called = {pk: (run_id, step) for pk, run_id, step in waits.values_list("pk", "run_id", "step")}
    if not called:
        return []
    runs = Run.objects.filter(parent_wait_id__in=called).exclude(version__part="")
    rows = runs.order_by("pk").values_list("parent_wait_id", "pk")
    return [(*called[wait_id], pk) for wait_id, pk in rows if wait_id is not None]


def _read(run_ids: Sequence[int]) -> list[Recording]:
    runs = Run.objects.in_bulk(run_ids)
    visits, waits = _read_visits(run_ids), _read_waits(run_ids)
    return [
        Recording(
            run_id=run.pk,
            version_id=run.version_id,
            input=fetch(run.input),
            status=run.status,
            outcome=run.outcome,
            error=run.error,
            started_at=run.started_at,
            visits=tuple(visits.get(run.pk, ())),
            waits_at=tuple(waits.get(run.pk, ())),
        )
        for run in (runs[pk] for pk in run_ids if pk in runs)
    ]


def _read_visits(run_ids: Sequence[int]) -> dict[int, list[Visit]]:
    kinds = [events.STEP_FINISHED, events.STEP_FAILED, events.JOIN_FIRED]
    visits: dict[int, list[Visit]] = {}
    rows = Journal.objects.filter(run_id__in=run_ids, kind__in=kinds)
    for row in rows.order_by("run_id", "seq"):
        visits.setdefault(row.run_id, []).append(_to_visit(row))
    return visits


def _read_waits(run_ids: Sequence[int]) -> dict[int, list[str]]:
    waits: dict[int, list[str]] = {}
    rows = Wait.objects.filter(run__in=run_ids, state=WaitState.OPEN).order_by("pk")
    for run_id, step in rows.values_list("run_id", "step"):
        waits.setdefault(run_id, []).append(step)
    return waits


def _to_visit(row: Journal) -> Visit:
    seconds = (row.at - row.began_at).total_seconds() if row.began_at else 0.0
    failed = row.kind == events.STEP_FAILED
    return Visit(row.step, row.port, row.data, failed, max(0.0, seconds), row.at, row.provenance)
