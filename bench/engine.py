"""Our side: W1 durable steps a second, W2 from a decision's commit to the next step's line."""

import time
from collections.abc import Iterator

from django.db import connection, transaction
from django.utils import timezone

from bench.flows import ACTOR, linear, pausing, publish
from flows.models import Flow, Journal, Run, Wait
from flows.services import NewRun, resolve_wait, start_runs

STEPS = 10
STARTS_A_BATCH = 100
LIMIT_SECONDS = 180


def steps_a_second(runs: int) -> float:
    """Start ``runs`` runs of ten trivial steps and wait for their end; starts count as time."""
    flow = publish(linear(STEPS))
    began = time.monotonic()
    for first in range(0, runs, STARTS_A_BATCH):
        batch = [NewRun({}) for _ in range(min(STARTS_A_BATCH, runs - first))]
        start_runs(flow=flow, runs=batch, actor=ACTOR, now=timezone.now())
    _wait_for_end(flow)
    seconds = time.monotonic() - began
    _check(flow, runs)
    return runs * STEPS / seconds


def _wait_for_end(flow: Flow) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while Run.objects.filter(flow=flow, status="running").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{flow.name} did not end in {LIMIT_SECONDS} s")
        time.sleep(0.02)


def _check(flow: Flow, runs: int) -> None:
    """A figure counts only if every step of every run was done and kept, once."""
    newest = Run.objects.filter(flow=flow).order_by("-id").values_list("id", flat=True)[:runs]
    finished = Journal.objects.filter(run_id__in=list(newest), kind="step.finished").count()
    if finished != runs * STEPS:
        raise AssertionError(f"{finished} steps finished, not {runs * STEPS}")


def wake_seconds(decisions: int, *, pace_seconds: float) -> list[float]:
    """Resolve waits one after the other; return the seconds from commit to first line of each."""
    flow = publish(pausing())
    new = [NewRun({}) for _ in range(decisions)]
    runs = start_runs(flow=flow, runs=new, actor=ACTOR, now=timezone.now())
    waits = _open_waits(runs)
    decided: dict[int, float] = {}
    for run_id, wait_id in waits.items():
        with transaction.atomic():
            resolve_wait(wait_id=wait_id, port="done", output={}, now=timezone.now(), actor=ACTOR)
        decided[run_id] = time.monotonic()
        time.sleep(pace_seconds)
    _wait_for_end(flow)
    return [began - decided[run_id] for run_id, began in _stamps(runs)]


def _open_waits(runs: list[Run]) -> dict[int, int]:
    deadline = time.monotonic() + LIMIT_SECONDS
    ids = [run.pk for run in runs]
    while True:
        found = dict(Wait.objects.filter(run_id__in=ids, state="open").values_list("run_id", "id"))
        if len(found) == len(ids):
            return found
        if time.monotonic() > deadline:
            raise TimeoutError("The runs did not come to their waits")
        time.sleep(0.05)


def _stamps(runs: list[Run]) -> Iterator[tuple[int, float]]:
    ids = [run.pk for run in runs]
    rows = Journal.objects.filter(run_id__in=ids, step="stamp", kind="step.finished")
    for run_id, data in rows.values_list("run_id", "data"):
        yield run_id, float(str(data))


def forget_runs() -> None:
    """Empty what earlier measurements left, so that each begins alike."""
    tables = "flows_run, flows_token, flows_journal, flows_wait, flows_timer"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {tables} CASCADE")
            cursor.execute("VACUUM ANALYZE")
