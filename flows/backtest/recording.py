"""Read recorded runs from their journals, in the form that a replay needs."""

from collections.abc import Sequence
from dataclasses import dataclass
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


def read_recordings(run_ids: Sequence[int]) -> list[Recording]:
    """Return the recordings in the order of ``run_ids``, without runs that are gone: 3 queries."""
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
