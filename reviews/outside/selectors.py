"""Read a checkpoint that another engine opened, with its decision."""

from dataclasses import dataclass
from typing import Any

from flows.models import Run
from flows.runtime.payloads import fetch
from flows.selectors import get_step_outputs
from reviews.models import Case
from reviews.models.states import ACTIVE
from reviews.outside.document import FLOW, REVIEW

Json = Any


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint of another engine.

    ``state`` is waiting, decided, expired, failed or cancelled. ``case`` is None until a worker
    has opened it. ``decision`` is the checkpoint's output, None before there is one.
    """

    run: Run
    case: Case | None
    reference: str
    queue: str
    state: str
    decision: Json


def get_checkpoint(run_id: int) -> Checkpoint:
    """Return a checkpoint: three queries. Raises: Run.DoesNotExist."""
    run = Run.objects.select_related("flow").get(pk=run_id, flow__name=FLOW)
    case = (
        Case.objects.select_related("queue", "claimed_by")
        .filter(run_id=run.pk, step=REVIEW)
        .order_by("-pk")
        .first()
    )
    decision = get_step_outputs(run.pk).get(REVIEW)
    asked = fetch(run.input)
    return Checkpoint(
        run=run,
        case=case,
        reference=asked["reference"],
        queue=asked["case"]["queue"],
        state=_state(run, case, decision),
        decision=decision,
    )


def _state(run: Run, case: Case | None, decision: Json) -> str:
    """Return the state; a decision stands, whatever becomes of the call back."""
    if decision is not None:
        return "expired" if decision.get("kind") == "timeout" else "decided"
    if run.status in {"failed", "cancelled"}:
        return str(run.status)
    return "waiting" if case is None or case.state in ACTIVE else str(case.state)
