"""Runs a flow as a worker does: a real driver and a fast clock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections
from django.utils import timezone

from flows.models import Flow, Journal, Run
from flows.runtime.clock import fire_timers, take_over
from flows.runtime.driver import Driver
from flows.services import start_run
from tests.factories.people import ACTOR
from tests.waiting import until
from workbench.dispatch.delivery import deliver
from workbench.dispatch.models import Outbox


def start(flow: Flow, given: Any = None, **options: Any) -> Run:
    """Start a run of the flow on an input."""
    options = {"actor": ACTOR, **options}
    return start_run(flow=flow, input=given or {}, now=timezone.now(), **options).run


@contextmanager
def driving(**options: Any) -> Iterator[Driver]:
    """Run a driver and a clock until the block ends."""
    driver = Driver(**options)
    stop = threading.Event()
    clock = threading.Thread(target=_tick, args=(stop,), daemon=True)
    driver.start()
    clock.start()
    try:
        yield driver
    finally:
        stop.set()
        clock.join(5)
        driver.stop(5)


def _tick(stop: threading.Event) -> None:
    try:
        while not stop.wait(0.02):
            fire_timers(timezone.now())
            take_over(timezone.now())
            deliver_outbox(timezone.now())
    finally:
        connections.close_all()


def deliver_outbox(now: datetime) -> int:
    """Do some of the jobs that are due, in order, as a worker's actors would; say how many."""
    due = Outbox.objects.filter(dead_at=None, due_at__lte=now).order_by("pk")
    return sum(deliver(pk, now) for pk in list(due.values_list("pk", flat=True)[:20]))


def ended(run: Run) -> Run:
    """Wait until the run has ended and return it."""

    def fresh() -> Run | None:
        run.refresh_from_db()
        return run if run.finished_at else None

    ended_run: Run = until(fresh, f"the end of run {run.pk}")
    return ended_run


def journal(run: Run) -> list[str]:
    """Return the run's journal as ``kind step`` lines, after checking that it has no gap."""
    rows = list(Journal.objects.filter(run_id=run.pk).order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    return [f"{row.kind} {row.step}".strip() for row in rows]
