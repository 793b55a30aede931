"""A run's journal, and the outputs that it keeps."""

from collections.abc import Iterable
from typing import Any

from flows.engine import events
from flows.models import Journal
from flows.runtime.payloads import reveal

Json = Any
PAGE_SIZE = 200
FINISHED = (events.STEP_FINISHED, events.JOIN_FIRED)


def get_journal(run_id: int, *, after: int = 0, limit: int = PAGE_SIZE) -> list[Journal]:
    """Return journal rows with ``seq`` above ``after``, oldest first, to be read: one query."""
    rows = list(Journal.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")[:limit])
    for row in rows:
        row.data = reveal(row.data)
    return rows


def get_results(
    run_id: int, *, before_seq: int | None = None, steps: Iterable[str] | None = None
) -> dict[str, dict[str, Json]]:
    """Return ``{step: {output, port}}`` of the newest finish of each step: one query."""
    rows = Journal.objects.filter(run_id=run_id, kind__in=FINISHED).order_by("seq")
    if before_seq is not None:
        rows = rows.filter(seq__lt=before_seq)
    if steps is not None:
        rows = rows.filter(step__in=list(steps))
    found = rows.values_list("step", "port", "data")
    return {step: {"output": reveal(data), "port": port} for step, port, data in found}


def get_step_outputs(run_id: int) -> dict[str, Json]:
    """Return ``{step: output}`` of the newest finish of each step: one query."""
    return {step: result["output"] for step, result in get_results(run_id).items()}
