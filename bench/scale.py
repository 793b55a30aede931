"""What our desk does in W3, W4 and W5: fan out and join, let many timers fall due."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from bench.flows import ACTOR, branching_flow, for_each_flow, item_flow, publish, waiting_flow
from bench.ours import wait_for_seal, wait_until
from flows.models import Journal, Run, Timer
from flows.services import NewRun, start_runs

# Timers fall due a little later than they are set, so that none is late from the start.
AHEAD_SECONDS = 2.0
# Wall clock and monotonic clock are read one after the other: so much they may be apart.
CLOCK_SECONDS = 0.001


def for_each(count: int) -> float:
    """Run a flow for each of ``count`` items and join them. Return the seconds it took."""
    publish(item_flow())
    run, seconds = _run_to_end(for_each_flow(count))
    outputs = (run.output or {}).get("items")
    expected = [{"n": n + 1} for n in range(count)]
    if outputs != expected:
        raise AssertionError(f"The outputs are not those of {count} items in order")
    return seconds


def branches(count: int) -> float:
    """Split into ``count`` branches of one step and join them. Return the seconds it took."""
    run, seconds = _run_to_end(branching_flow(count))
    finished = Journal.objects.filter(run_id=run.pk, kind="step.finished", step__startswith="b")
    if finished.count() != count:
        raise AssertionError(f"{finished.count()} branches finished, not {count}")
    return seconds


def _run_to_end(document: dict[str, Any]) -> tuple[Run, float]:
    flow = publish(document)
    began = time.monotonic()
    [started] = start_runs(flow=flow, runs=[NewRun({})], actor=ACTOR, now=timezone.now())
    run = started.run
    wait_until(lambda: Run.objects.filter(pk=run.pk, status="completed").exists(), "It did not end")
    seconds = time.monotonic() - began
    run.refresh_from_db()
    return run, seconds


# --- Timers -------------------------------------------------------------------------------


def wait_for_years(runs: int) -> None:
    """Start runs that wait for a time far away, for ``copy_runs``."""
    flow = publish(waiting_flow())
    new = [NewRun({"amount": 12_000 + n}) for n in range(runs)]
    started = start_runs(flow=flow, runs=new, actor=ACTOR, now=timezone.now())
    timers = Timer.objects.filter(run_id__in=[each.run.pk for each in started])
    wait_until(lambda: timers.count() == runs, "They do not wait")
    wait_for_seal()


def let_fall_due(count: int, a_second: float) -> dict[str, Any]:
    """Let ``count`` timers fall due: so many ``a_second``, or with 0 all at one moment.

    Returns how many seconds late the step after each wait began, in the order in which the timers
    fell due. Raises: AssertionError if one fired early or twice.
    """
    first = time.time() + AHEAD_SECONDS
    every = 1 / a_second if a_second else 0.0
    due = _set_due(count, first, every)
    last = datetime.fromtimestamp(max(due.values()), tz=UTC)
    left = Timer.objects.filter(due_at__lte=last)
    wait_until(lambda: not left.exists(), "The timers did not all fire", look_seconds=0.2)
    wait_until(lambda: _have_ended(due), "The runs did not end", look_seconds=0.2)
    rows = Journal.objects.filter(run_id__in=list(due), kind="step.finished")
    steps = list(rows.values_list("run_id", "step", "data"))
    _check_each_finished_once(steps, count)
    # Steps stamp by the monotonic clock, which all processes of a machine share.
    to_wall = time.time() - time.monotonic()
    late = {
        run_id: float(str(data)) + to_wall - due[run_id]
        for run_id, step, data in steps
        if step == "stamp"
    }
    if early := [seconds for seconds in late.values() if seconds < -CLOCK_SECONDS]:
        raise AssertionError(f"{len(early)} timers fired early, by {-min(early):.3f} s")
    return {"late": [late[run_id] for run_id in sorted(due, key=lambda each: due[each])]}


def _set_due(count: int, first: float, every: float) -> dict[int, float]:
    """Set when the oldest timers fall due. Return ``{run id: moment}``."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE flows_timer SET due_at = to_timestamp(%s + chosen.n * %s)
            FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM flows_timer
                ORDER BY id LIMIT %s) chosen
            WHERE flows_timer.id = chosen.id
            RETURNING run_id, extract(epoch FROM due_at)::float""",
            [first, every, count],
        )
        return dict(cursor.fetchall())


def _have_ended(run_ids: Iterable[int]) -> bool:
    return not Run.objects.filter(id__in=list(run_ids), status="running").exists()


def _check_each_finished_once(steps: Sequence[tuple[int, str, Any]], count: int) -> None:
    times = Counter((run_id, step) for run_id, step, _ in steps)
    if twice := sum(1 for each in times.values() if each > 1):
        raise AssertionError(f"{twice} steps finished twice")
    if len(times) != 2 * count:
        raise AssertionError(f"{len(times)} steps finished, not {2 * count}")
