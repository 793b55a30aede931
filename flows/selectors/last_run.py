"""The newest run that came to a step: the data on which its expressions are previewed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from flows.engine import events
from flows.models import WHOLE_RUNS, Flow, Journal, Run
from flows.runtime.payloads import fetch, outputs_of

Json = Any
# Among this many of the newest runs, one that came to the step is looked for.
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run, and what an expression of the step sees in it."""

    run: Run
    bindings: Mapping[str, Json]


def get_last_run(flow: Flow, step: str) -> LastRun | None:
    """Return the newest run that came to ``step``, else the newest; None without runs: 4 queries.

    The bindings hold the newest output of each step, also of those after ``step``.
    """
    runs = Run.objects.filter(WHOLE_RUNS, flow=flow).order_by("-pk")
    newest = list(runs.values_list("pk", flat=True)[:MOST_RUNS])
    if not newest:
        return None
    kinds = [events.STEP_FINISHED, events.STEP_FAILED, events.STEP_WAITING]
    came = Journal.objects.filter(run_id__in=newest, step=step, kind__in=kinds)
    run_id = came.aggregate(newest=Max("run_id"))["newest"] or newest[0]
    run = Run.objects.select_related("version").get(pk=run_id)
    done = Journal.objects.filter(run_id=run_id, kind__in=[events.STEP_FINISHED, events.JOIN_FIRED])
    steps = outputs_of(run_id, set(done.values_list("step", flat=True)))
    bindings = {
        "id": run.pk,
        "flow": flow.name,
        "version": run.version.number,
        "started_at": run.started_at.isoformat(),
    }
    return LastRun(run, {"input": fetch(run.input), "steps": steps, "run": bindings})
