"""Let a calling run go on when a run that it called has ended."""

from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Run, RunArtifact, RunStatus, Wait
from flows.runtime import pausing, transitions
from flows.runtime.held import give_artifacts, list_named, read_labels
from flows.runtime.labels import label_as_said
from flows.services.asking import add_requesters
from flows.services.runs import resolve_wait
from flows.store import get_store
from workbench.accounts.actors import Actor
from workbench.dispatch.registry import job

Json = Any


@job("flows.child_ended")
def handle_child_end(args: dict[str, Any], now: datetime) -> None:
    """Resolve the caller's wait, or begin its next children."""
    with transaction.atomic():
        wait = Wait.objects.filter(pk=args["wait"]).first()
        if wait is None:
            return
        # The caller's row is locked, so that its children's ends are handled one after the other.
        caller = get_store().lock_runs([wait.run_id]).get(wait.run_id)
        wait.refresh_from_db(fields=["state"])
        is_paused = caller is not None and caller.status == RunStatus.PAUSED
        with suppress(WaitAlreadyResolved, RunNotActive):
            if wait.state != "open":
                _begin_next_of_resolved(wait, now)
            elif wait.kind == "child":
                _conclude_child(wait, args["run"], now)
            else:
                _conclude_children(wait, now, may_begin=not is_paused)


def _conclude_child(wait: Wait, run_id: int, now: datetime) -> None:
    child = Run.objects.get(pk=run_id)
    if child.status == "completed":
        _resolve(wait, _tell_end(wait, child), now, port=_find_port(wait, child))
    else:
        _fail(wait, f"Run {run_id} of the subflow {child.status}.", child, now)


def _conclude_children(wait: Wait, now: datetime, *, may_begin: bool) -> None:
    """Resolve or fail the wait if enough children have ended; else begin the next, if it may."""
    children = Run.objects.filter(parent_wait_id=wait.pk)
    counts = _count_by_status(children)
    completed, running = counts["completed"], counts["running"]
    failed = counts["failed"] + counts["cancelled"]
    most, enough = wait.detail["most_failures"], wait.detail["enough"]
    has_live = running + counts["paused"] > 0
    if most is not None and failed > most:
        # Journals hold this sentence: it stays as it is.
        reason = f"{failed} of {wait.detail['total']} runs failed; {most} may."
        _stop_at_failures(wait, children, reason, now)
    elif enough is not None and completed >= enough:
        _resolve(wait, _collect_outputs(children), now)
        if wait.detail["others"] == "cancel":
            cancel_children(wait.pk, f"{enough} runs were enough.", now)
        else:
            _begin_next(wait, children, running, now)
    elif not has_live and enough is not None:
        _fail(wait, f"{enough} runs must complete; {completed} did.", None, now)
    elif not has_live:
        _resolve(wait, _collect_outputs(children), now)
    elif may_begin:
        _begin_next(wait, children, running, now)


def _count_by_status(children: QuerySet[Run]) -> Counter[str]:
    rows = children.order_by().values("status").annotate(runs=Count("pk"))
    return Counter({row["status"]: row["runs"] for row in rows})


def _stop_at_failures(wait: Wait, children: QuerySet[Run], message: str, now: datetime) -> None:
    first = children.filter(status="failed").order_by("pk").first()
    cancel_children(wait.pk, message, now)
    _fail(wait, message, first, now)


def _begin_next_of_resolved(wait: Wait, now: datetime) -> None:
    """Begin the next children of a caller that had enough and lets the others go on."""
    if wait.state == "resolved" and wait.detail.get("others") == "go_on":
        children = Run.objects.filter(parent_wait_id=wait.pk)
        _begin_next(wait, children, children.filter(status="running").count(), now)


def _begin_next(wait: Wait, children: QuerySet[Run], running: int, now: datetime) -> None:
    free = max(0, wait.detail["concurrency"] - running)
    waiting = children.filter(status="paused", seq=1).order_by("pk").values_list("pk", flat=True)
    pausing.begin(run_ids=list(waiting[:free]), now=now)


def _collect_outputs(children: QuerySet[Run]) -> Json:
    """Return the outputs in the order of the items; a run that has not completed gives null."""
    rows = list(children.order_by("pk").values_list("pk", "status", "output", "error"))
    return {
        "items": [output for _, _, output, _ in rows],
        "failed": [
            {"index": n, "run": pk, "error": error}
            for n, (pk, status, _, error) in enumerate(rows)
            if status in {"failed", "cancelled"}
        ],
    }


def _tell_end(wait: Wait, child: Run) -> Json:
    """Return what the caller learns; with ``flat``, the child's output is the step's own."""
    if wait.detail.get("flat"):
        return {**(child.output or {}), "run": child.pk}
    return {"run": child.pk, "outcome": child.outcome, "output": child.output}


def _find_port(wait: Wait, child: Run) -> str:
    ports: dict[str, str] = wait.detail.get("ports", {})
    return ports.get(child.outcome, "done")


def _resolve(wait: Wait, output: Json, now: datetime, *, port: str = "done") -> None:
    _pass_to_caller(wait, output)
    resolve_wait(wait_id=wait.pk, port=port, output=output, now=now, actor=Actor.system("engine"))


def _pass_to_caller(wait: Wait, output: Json) -> None:
    """Let the caller hold what the output names and a called run holds.

    Whoever came to ask for a called run, as by an event that it waited for, asks for it too.
    """
    _add_requesters(wait)
    if named := list_named(output):
        held = RunArtifact.objects.filter(run__parent_wait_id=wait.pk, artifact__digest__in=named)
        theirs = read_labels(
            held.order_by("pk").values_list("artifact__digest", "name", "media_type")
        )
        give_artifacts(wait.run_id, label_as_said(theirs, output, theirs))


def _add_requesters(wait: Wait) -> None:
    asked = Run.objects.filter(pk=wait.run_id).values_list("requested_by", flat=True).get()
    others = Run.objects.filter(parent_wait_id=wait.pk).exclude(requested_by=asked)
    for requesters in others.values_list("requested_by", flat=True):
        add_requesters(wait.run_id, requesters)


def _fail(wait: Wait, message: str, cause: Run | None, now: datetime) -> None:
    """Fail the caller's step; ``cause`` is the called run that failed first, if one did."""
    detail = {"cause": cause.error, "run": cause.pk} if cause else {"cause": None}
    error = {"kind": "subflow", "message": message, "detail": detail}
    transitions.fail_wait(wait_id=wait.pk, error=error, now=now)


def cancel_children(wait_id: int, reason: str, now: datetime) -> None:
    """Cancel the live runs that the wait is for."""
    live = Run.objects.filter(parent_wait_id=wait_id, status__in=["running", "paused"])
    for run_id in list(live.order_by("pk").values_list("pk", flat=True)):
        transitions.cancel(run_id=run_id, reason=reason, now=now, tell_parent=False)
