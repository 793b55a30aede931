"""Tell a calling run that a run it called has ended."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Run, RunStatus, Wait
from flows.runtime import pausing, transitions
from flows.services.runs import resolve_wait
from flows.store import get_store
from workbench.accounts.actors import Actor
from workbench.dispatch.registry import job

Json = Any


@job("flows.child_ended")
def child_ended(args: dict[str, Any], now: datetime) -> None:
    """Tell the run that called: it goes on, or the next children begin."""
    with transaction.atomic():
        wait = Wait.objects.filter(pk=args["wait"]).first()
        if wait is None:
            return
        # The parent's row is the lock of its children's ends: they come one after the other.
        caller = get_store().lock_runs([wait.run_id]).get(wait.run_id)
        wait.refresh_from_db(fields=["state"])
        try:
            if wait.state != "open":
                _go_on_alone(wait, now)
            elif wait.kind == "child":
                _conclude_child(wait, args["run"], now)
            else:
                held = caller is not None and caller.status == RunStatus.PAUSED
                _conclude_children(wait, now, may_begin=not held)
        except (WaitAlreadyResolved, RunNotActive):
            return


def _conclude_child(wait: Wait, run_id: int, now: datetime) -> None:
    child = Run.objects.get(pk=run_id)
    if child.status == "completed":
        _resolve(wait, {"run": run_id, "outcome": child.outcome, "output": child.output}, now)
    else:
        _fail(wait, f"Run {run_id} of the subflow {child.status}.", child, now)


def _conclude_children(wait: Wait, now: datetime, *, may_begin: bool) -> None:
    """Go on by how many children ended; a caller that is held lets no further ones begin."""
    children = Run.objects.filter(parent_wait_id=wait.pk)
    rows = children.order_by().values("status").annotate(runs=Count("pk"))
    counts = {row["status"]: row["runs"] for row in rows}
    failed = counts.get("failed", 0) + counts.get("cancelled", 0)
    live = counts.get("paused", 0) + counts.get("running", 0)
    most, enough = wait.detail["most_failures"], wait.detail["enough"]
    if most is not None and failed > most:
        first = children.filter(status="failed").order_by("pk").first()
        message = f"{failed} of {wait.detail['total']} runs failed; {most} may."
        cancel_children(wait.pk, message, now)
        _fail(wait, message, first, now)
    elif enough is not None and counts.get("completed", 0) >= enough:
        _resolve(wait, _collected(children), now)
        if wait.detail["others"] == "cancel":
            cancel_children(wait.pk, f"{enough} runs were enough.", now)
        else:
            _release(children, wait.detail["concurrency"] - counts.get("running", 0), now)
    elif live == 0 and enough is not None:
        _fail(wait, f"{counts.get('completed', 0)} runs completed; {enough} must.", None, now)
    elif live == 0:
        _resolve(wait, _collected(children), now)
    elif may_begin:
        _release(children, wait.detail["concurrency"] - counts.get("running", 0), now)


def _go_on_alone(wait: Wait, now: datetime) -> None:
    """Begin the next children of a caller that had enough and lets the others go on."""
    if wait.state == "resolved" and wait.detail.get("others") == "go_on":
        children = Run.objects.filter(parent_wait_id=wait.pk)
        running = children.filter(status="running").count()
        _release(children, wait.detail["concurrency"] - running, now)


def _release(children: Any, free: int, now: datetime) -> None:
    waiting = children.filter(status="paused", seq=1).order_by("pk").values_list("pk", flat=True)
    pausing.begin(run_ids=list(waiting[: max(0, free)]), now=now)


def _collected(children: Any) -> Json:
    """Return the outputs in the order of the items; one that has not completed gives null."""
    rows = list(children.order_by("pk").values_list("pk", "status", "output", "error"))
    return {
        "items": [output for _, _, output, _ in rows],
        "failed": [
            {"index": n, "run": pk, "error": error}
            for n, (pk, status, _, error) in enumerate(rows)
            if status in {"failed", "cancelled"}
        ],
    }


def _resolve(wait: Wait, output: Json, now: datetime) -> None:
    resolve_wait(wait_id=wait.pk, port="done", output=output, now=now, actor=Actor.system("engine"))


def _fail(wait: Wait, message: str, cause: Run | None, now: datetime) -> None:
    """Fail the caller's step; ``cause`` is the called run that failed first."""
    detail = {"cause": cause.error, "run": cause.pk} if cause else {"cause": None}
    error = {"kind": "subflow", "message": message, "detail": detail}
    transitions.fail_wait(wait_id=wait.pk, error=error, now=now)


def cancel_children(wait_id: int, reason: str, now: datetime) -> None:
    live = Run.objects.filter(parent_wait_id=wait_id, status__in=["running", "paused"])
    for run_id in list(live.order_by("pk").values_list("pk", flat=True)):
        transitions.cancel(run_id=run_id, reason=reason, now=now, tell_parent=False)
