"""Plays the documents of examples/patterns on the real driver, one act after the other.

Between two acts everything comes to rest: no step is ready or under way and no job is due. Nothing
in a play depends on how fast the machine is, and the tests' hours pass without waiting for them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone

from flows.events.receiving import receive_event
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.models import Flow, Journal, Run, Token, Wait
from flows.runtime.clock import fire_timers
from flows.runtime.driver import Driver
from flows.runtime.program import forget_programs
from flows.services import cancel_run, create_flow, publish_version, start_run
from tests.driving import deliver_outbox
from tests.factories.people import ACTOR
from tests.waiting import until
from workbench.dispatch.models import Outbox

FOLDER = Path(__file__).parents[3] / "examples/patterns"
CALLED = ("called-line",)


def pattern_files() -> list[Path]:
    """Return the documents of the patterns, in the catalogue's order."""
    return sorted(FOLDER.glob("[0-9]*.yaml"))


@cache
def document(stem: str, folder: Path = FOLDER) -> Document:
    return parse((folder / f"{stem}.yaml").read_text(encoding="utf-8"))


class Stage:
    """A driver, and what a play does to its runs."""

    def __init__(self, stem: str, folder: Path) -> None:
        self.flow = [_publish(name, folder) for name in (*CALLED, stem)][-1]
        self._events = 0

    # --- Acts ---

    def start(self, **given: Any) -> Run:
        run = start_run(flow=self.flow, input=given, actor=ACTOR, now=timezone.now()).run
        self.settle()
        return run

    def event(self, name: str, key: str = "c1", **payload: Any) -> int:
        """Let an event come; return how many waits it resolved."""
        self._events += 1
        resumed = receive_event(
            name=name,
            key=key,
            payload=payload,
            event_id=f"play-{self._events}",
            actor=ACTOR,
            now=timezone.now(),
        )
        self.settle()
        return len(resumed)

    def pass_time(self, seconds: float) -> None:
        """Fire what falls due within so long."""
        fire_timers(timezone.now() + timedelta(seconds=seconds))
        self.settle()

    def cancel(self, run: Run) -> None:
        cancel_run(run_id=run.pk, reason="no longer wanted", actor=ACTOR, now=timezone.now())
        self.settle()

    def settle(self) -> None:
        until(_at_rest, "everything to come to rest")

    # --- Looks ---

    def finished(self, run: Run) -> list[str]:
        """Return the steps that have finished, in order."""
        return self._steps(run, "step.finished")

    def cancelled(self, run: Run) -> list[str]:
        return sorted(self._steps(run, "step.cancelled"))

    def _steps(self, run: Run, kind: str) -> list[str]:
        rows = Journal.objects.filter(run_id=run.pk, kind=kind).order_by("seq")
        return list(rows.values_list("step", flat=True))

    def notes(self, run: Run, kind: str) -> int:
        return Journal.objects.filter(run_id=run.pk, kind=kind).count()

    def waits(self, run: Run) -> list[str]:
        """Return the steps that wait, sorted."""
        return sorted(Wait.objects.filter(run=run, state="open").values_list("step", flat=True))

    def status(self, run: Run) -> str:
        run.refresh_from_db()
        return run.status

    def children(self, run: Run) -> list[Run]:
        """Return the runs that were started after this one, in order."""
        return list(Run.objects.filter(pk__gt=run.pk).order_by("pk"))


def _at_rest() -> bool:
    if deliver_outbox(timezone.now()):
        return False
    moving = Token.objects.filter(state__in=["ready", "running"]).exists()
    return not moving and not Outbox.objects.filter(dead_at=None).exists()


def _publish(stem: str, folder: Path) -> Flow:
    now, made = timezone.now(), document(stem, folder)
    flow = create_flow(
        name=made.name, title=made.title, document=made, author=None, actor=ACTOR, now=now
    )
    publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="first",
        author=None,
        actor=ACTOR,
        now=now,
    )
    flow.refresh_from_db()
    return flow


@contextmanager
def staged(stem: str, *, riders: int, folder: Path = FOLDER) -> Iterator[Stage]:
    """Publish the document, run a driver, and give the stage to play on."""
    forget_programs()
    stage, driver = Stage(stem, folder), Driver(riders=riders, step_threads=2)
    driver.start()
    try:
        yield stage
    finally:
        driver.stop(5)
        forget_programs()
