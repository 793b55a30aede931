"""What our desk does in W1 and W2: start runs, decide, read the results."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from bench.flows import ACTOR, filled_flow, linear_flow, pausing_flow, publish
from flows.models import Flow, Journal, Run, Wait, Worker
from flows.services import NewRun, resolve_wait, start_runs
from workbench.audit.models import Unsealed

STEPS = 10
STARTS_A_BATCH = 100
LIMIT_SECONDS = 240
LOOK_SECONDS = 0.02

_decided: list[int] = []


def linear(runs: int) -> dict[str, Any]:
    """Run flows of ten trivial steps. Return when the first start began and the last run ended."""
    flow = publish(linear_flow(STEPS))
    began = time.monotonic()
    for first in range(0, runs, STARTS_A_BATCH):
        batch = [NewRun({}) for _ in range(min(STARTS_A_BATCH, runs - first))]
        start_runs(flow=flow, runs=batch, actor=ACTOR, now=timezone.now())
    wait_for_end(flow)
    ended = time.monotonic()
    check_finished(flow, runs)
    return {"began": began, "ended": ended, "steps": runs * STEPS}


def filled(runs: int) -> None:
    """Run flows with inputs and outputs as large as an application's, for ``copy_runs``."""
    flow = publish(filled_flow(STEPS))
    new = [NewRun({"applicant": f"Applicant {n}", "amount": 12_000 + n}) for n in range(runs)]
    start_runs(flow=flow, runs=new, actor=ACTOR, now=timezone.now())
    wait_for_end(flow)
    check_finished(flow, runs)
    wait_for_seal()


def wait_for_seal() -> None:
    """Wait until the clock has sealed the ledger, so that the copies are of sealed entries."""
    wait_until(lambda: not Unsealed.objects.exists(), "The ledger was not sealed")


def check_finished(flow: Flow, runs: int) -> None:
    """Raise AssertionError unless each step of the newest runs finished, once."""
    newest = Run.objects.filter(flow=flow).order_by("-id").values_list("id", flat=True)[:runs]
    finished = Journal.objects.filter(run_id__in=list(newest), kind="step.finished").count()
    if finished != runs * STEPS:
        raise AssertionError(f"{finished} steps finished, not {runs * STEPS}")


def wait_for_end(flow: Flow) -> None:
    running = Run.objects.filter(flow=flow, status="running")
    wait_until(lambda: not running.exists(), f"The runs of {flow.name} did not end")


def wait_until(
    holds: Callable[[], bool], otherwise: str, *, look_seconds: float = LOOK_SECONDS
) -> None:
    """Wait until ``holds()`` is true. Raises: TimeoutError, with what ``otherwise`` says."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} in {LIMIT_SECONDS} s.")
        time.sleep(look_seconds)


# --- Decisions ----------------------------------------------------------------------------


def pause(count: int) -> list[str]:
    """Start runs that wait for somebody. Return the ids of their waits once all are open."""
    flow = publish(pausing_flow())
    new = [NewRun({}) for _ in range(count)]
    started = start_runs(flow=flow, runs=new, actor=ACTOR, now=timezone.now())
    waits = Wait.objects.filter(run_id__in=[each.run.pk for each in started], state="open")
    wait_until(lambda: waits.count() == count, "The runs did not come to their waits")
    return [str(wait) for wait in waits.order_by("id").values_list("id", flat=True)]


def decide(ids: Sequence[str], pace_seconds: float, threads: int) -> dict[str, Any]:
    """Resolve the waits: one every ``pace_seconds``, or with 0 all at once by so many threads.

    Returns ``{id: [when the decision began, when it was committed]}`` by the monotonic clock.
    """
    if pace_seconds:
        decided = {}
        for id_ in ids:
            decided[id_] = decide_one(id_)
            time.sleep(pace_seconds)
        return decided
    with ThreadPoolExecutor(threads, initializer=connection.ensure_connection) as pool:
        # Start all threads and their connections first, as a web process would have them.
        list(pool.map(lambda _: time.sleep(0.1), range(threads)))
        return dict(zip(ids, pool.map(decide_one, ids), strict=True))


def decide_one(id_: str) -> tuple[float, float]:
    began = time.monotonic()
    _decided.append(int(id_))
    with transaction.atomic():
        resolve_wait(wait_id=int(id_), port="done", output={}, now=timezone.now(), actor=ACTOR)
    return began, time.monotonic()


def stamps() -> dict[str, float]:
    """Return when the step after each decision began, by the monotonic clock."""
    waits = dict(Wait.objects.filter(id__in=_decided).values_list("run_id", "id"))
    _decided.clear()
    running = Run.objects.filter(id__in=list(waits), status="running")
    wait_until(lambda: not running.exists(), "The runs did not end")
    rows = Journal.objects.filter(run_id__in=list(waits), step="stamp", kind="step.finished")
    return {
        str(waits[run_id]): float(str(data)) for run_id, data in rows.values_list("run_id", "data")
    }


def count_workers() -> int:
    return Worker.objects.count()
