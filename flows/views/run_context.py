"""What the pages of a run show: its head, its headline, its timeline."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from flows import selectors
from flows.engine.lanes import Lane, lane_of
from flows.models import Run, RunStatus
from flows.selectors.masked_values import has_masked_values
from flows.selectors.timeline import StepRun
from workbench.accounts.permissions import can

ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


def get_run_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return what the head of every page of a run shows."""
    may_operate = can(request.user, "runs.operate", flow=run.flow.name)
    now = timezone.now()
    return {
        "run": run,
        "seconds": ((run.finished_at or now) - run.started_at).total_seconds(),
        "has_ended": run.status in ENDED,
        "may_cancel": may_operate and run.status not in {RunStatus.COMPLETED, RunStatus.CANCELLED},
        "may_pause": may_operate and run.status == RunStatus.RUNNING,
        "may_resume": may_operate and run.status == RunStatus.PAUSED,
        "may_retry": may_operate and run.status == RunStatus.FAILED,
        "may_rerun": can(request.user, "runs.start", flow=run.flow.name),
        "may_move": may_operate and not run.finished_at,
        "caller": selectors.get_caller(run),
        "cost": selectors.get_run_cost(run),
        "has_masked": has_masked_values(run),
        "lane": lane_of(run.priority),
        "lanes": list(Lane),
    }


def get_timeline_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return the step runs with their bars, and the one that ``?step=`` opens."""
    timeline = selectors.list_step_runs(run)
    now = timezone.now()
    chosen = request.GET.get("step", "")
    span = max(((run.finished_at or now) - run.started_at).total_seconds(), 0.001)
    rows = [_draw_bar(run, each, span, now, chosen) for each in timeline]
    opened = next((each for each in timeline if each.key == chosen), None)
    return {
        "timeline": timeline,
        "rows": rows,
        "open_detail": selectors.get_step_run(run, opened.token_id, opened.activation)
        if opened
        else None,
        **get_headline(run, timeline),
    }


def _draw_bar(run: Run, each: StepRun, span: float, now: Any, chosen: str) -> dict[str, Any]:
    """Return a step run with its bar, whose place is in thousandths of the run's duration."""
    seconds = each.seconds(now)
    began = max(0.0, (each.began_at - run.started_at).total_seconds())
    left = min(996, round(began / span * 1000))
    return {
        "step_run": each,
        "key": each.key,
        "seconds": seconds,
        "left": left,
        "width": max(4, min(1000 - left, round(seconds / span * 1000))),
        "is_open": chosen == each.key,
    }


def get_headline(run: Run, timeline: list[StepRun]) -> dict[str, Any]:
    """Return the first failure, what followed from it, and what the run waits for."""
    first = _find_first_failure(run, timeline)
    return {
        "first_failure": first if run.status in {RunStatus.FAILED, RunStatus.RUNNING} else None,
        "followed": _list_consequences(first, timeline) if first else [],
        "error": run.error if run.status == RunStatus.FAILED else (first.error if first else None),
        "waits": [each for each in timeline if each.wait is not None],
        "focus": _choose_focus(first, timeline),
        "retries": [each for each in timeline if each.state == "retrying" and each.due_at],
    }


def _find_first_failure(run: Run, timeline: list[StepRun]) -> StepRun | None:
    failures = [each for each in timeline if each.failed_unhandled]
    cause = (run.error or {}).get("step")
    return next((each for each in failures if each.step == cause), next(iter(failures), None))


def _list_consequences(first: StepRun, timeline: list[StepRun]) -> list[StepRun]:
    """Return what failed or was cancelled after the first failure."""
    later = [each for each in timeline if each.last_seq > first.last_seq]
    return [each for each in later if each.failed_unhandled or each.state == "cancelled"]


def _choose_focus(first: StepRun | None, timeline: list[StepRun]) -> str:
    """Return the step at which the graph opens: the first failure, else what is under way."""
    live = [each for each in timeline if each.ended_at is None]
    return first.step if first else (live[0].step if live else "")
