"""Read what a step gave in the runs of some days, a batch of runs at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from flows.engine import events
from flows.models import Journal, Run
from flows.models.runs import WHOLE_RUNS
from flows.runtime.payloads import fetch

Json = Any
BATCH = 500
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Source:
    """Of which flow and step, and of runs started from when until before when."""

    flow: str
    step: str
    starts_at: datetime
    ends_at: datetime
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What a step gave ``at``. ``fault`` says why it could not be read; there is no value then."""

    value: Json
    at: datetime
    version: int
    model: str
    trigger: str
    fault: str = ""


def read_outputs(source: Source) -> Iterator[Output]:
    """Yield the outputs in the order of their runs: two queries for each BATCH runs, and one.

    The runs of the flow are gone through once: their times have no index, which each start of a run
    would have to keep, and ids need not rise with time.
    """
    runs = _find_runs(source)
    after = 0
    while True:
        rows = runs.filter(pk__gt=after).order_by("pk")
        batch = {
            pk: (version, trigger)
            for pk, version, trigger in rows.values_list("pk", "version__number", "trigger")[:BATCH]
        }
        if not batch:
            return
        yield from _read_batch(batch, source.step)
        after = max(batch)


def _find_runs(source: Source) -> QuerySet[Run]:
    runs = Run.objects.filter(
        WHOLE_RUNS,
        flow__name=source.flow,
        started_at__gte=source.starts_at,
        started_at__lt=source.ends_at,
    )
    return runs if source.version is None else runs.filter(version__number=source.version)


def _read_batch(batch: Mapping[int, tuple[int, str]], step: str) -> Iterator[Output]:
    rows = Journal.objects.filter(run_id__in=batch, kind=events.STEP_FINISHED, step=step)
    rows = rows.order_by("run_id", "seq")
    for run_id, data, provenance, at in rows.values_list("run_id", "data", "provenance", "at"):
        version, trigger = batch[run_id]
        model = _name_model(provenance)
        try:
            yield Output(fetch(data), at, version, model, trigger)
        except (LookupError, OSError, ValueError) as error:
            yield Output(None, at, version, model, trigger, f"{type(error).__name__}: {error}")


def _name_model(provenance: Json) -> str:
    """Return which model's version gave the output, "" where no model did."""
    if not isinstance(provenance, Mapping) or not provenance.get("model"):
        return ""
    return f"{provenance['model']} {provenance.get('version') or ''}".strip()[:LONGEST_NAME]
