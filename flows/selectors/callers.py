"""The run that called a run."""

from dataclasses import dataclass

from flows.engine import events
from flows.models import Journal, Run, RunStatus, Wait


@dataclass(frozen=True, slots=True)
class Caller:
    """The run that called another. ``holds`` means that the other was paused with it."""

    run_id: int
    holds: bool


def get_caller(run: Run) -> Caller | None:
    """Return the run that called this one and waits for it, if any: two queries at most."""
    called_by = Wait.objects.filter(pk=run.parent_wait_id) if run.parent_wait_id else None
    run_id = called_by.values_list("run_id", flat=True).first() if called_by else None
    if run_id is None:
        return None
    if run.status != RunStatus.PAUSED:
        return Caller(run_id, holds=False)
    pauses = Journal.objects.filter(run_id=run.pk, kind=events.RUN_PAUSED).order_by("-seq")
    newest = pauses.values_list("data", flat=True).first()
    return Caller(run_id, holds=bool(newest and newest.get("with")))
