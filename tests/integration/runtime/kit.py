"""What the runtime's tests share: a probe step, flows from lines, a driver with a fast clock."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from django.db import connections
from django.utils import timezone

from flows.graph.codec import parse, to_mapping
from flows.models import Flow, FlowVersion, Journal, Run
from flows.runtime.clock import fire_timers, take_over
from flows.runtime.driver import Driver
from flows.services import create_flow, release_version, start_run
from flows.steps.base import Opened, Result, RunningStep, StepConfig, StepContext, StepFailure
from flows.steps.base import WaitingStep as BaseWaitingStep
from flows.steps.registry import all_step_types, register
from workbench.accounts.actors import Actor
from workbench.dispatch.delivery import deliver
from workbench.dispatch.models import Outbox

ACTOR = Actor.system("test")
PATIENCE_SECONDS = 20

calls: Counter[str] = Counter()
effects: Counter[str] = Counter()
_lock = threading.Lock()


if "test.probe" not in {type_.name for type_ in all_step_types()}:

    @register
    class Probe(RunningStep):
        """Counts its calls by step and its effects by idempotency key."""

        name = "test.probe"
        title = "Probe"
        blocking: ClassVar[bool] = True

        class Config(StepConfig):
            fail_times: int = 0
            fatal: bool = False
            sleep: float = 0
            port: str = "done"
            ports: list[str] | None = None
            give: Any = None

        def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
            return ("done", "again", "yes", "no", "limit")

        def run(self, ctx: StepContext, config: Config) -> Result:
            with _lock:
                calls[ctx.step_id] += 1
                effects[ctx.idempotency_key] += 1
            time.sleep(config.sleep)
            if ctx.attempt <= config.fail_times:
                raise StepFailure("as asked", kind="asked", retryable=not config.fatal)
            ports = tuple(config.ports) if config.ports is not None else None
            return Result(config.give, config.port, ports)

    @register
    class Gate(BaseWaitingStep):
        """Waits until a test resolves it; keeps what was cancelled."""

        name = "test.gate"
        title = "Gate"
        cancelled: ClassVar[list[int]] = []

        class Config(StepConfig):
            broken: bool = False

        def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
            return ("done", "yes", "no")

        def open(self, ctx: StepContext, config: Config) -> Opened:
            if config.broken:
                raise StepFailure("The gate is broken.", kind="gate")
            return Opened("gate", key=f"gate-{ctx.wait_id}", detail={"for": "a test"})

        def cancel(self, wait_id: int, now: datetime) -> None:
            self.cancelled.append(wait_id)


def make_flow(*edges: str, output: Any = None, name: str = "kit", **steps: Any) -> Flow:
    """Publish and release a flow. A step is its ``with``; ``type`` and the like are taken out."""
    ids = dict.fromkeys(part.split(".")[0].strip() for edge in edges for part in edge.split("->"))
    ids.update(dict.fromkeys(steps))
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": name,
            "title": name,
            "output": output or {},
            "steps": {step: _step(dict(steps.get(step, {}))) for step in ids},
            "edges": [_edge(edge) for edge in edges],
        }
    )
    now = timezone.now()
    flow = create_flow(name=name, title=name, document=document, author=None, actor=ACTOR, now=now)
    version = FlowVersion.objects.create(
        flow=flow, number=1, document=to_mapping(document), digest="test", published_at=now
    )
    return release_version(version_id=version.pk, actor=ACTOR, now=now)


def _edge(line: str) -> str:
    source, target = (part.strip() for part in line.split("->"))
    return f"{source if '.' in source else source + '.done'} -> {target}"


def _step(config: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = {"type": config.pop("type", "test.probe")}
    for field in ("retry", "limit", "cache", "timeout_seconds", "max_visits", "compensate"):
        if field in config:
            step[field] = config.pop(field)
    return {**step, "with": config}


def start(flow: Flow, input: Any = None, **options: Any) -> Run:
    now = timezone.now()
    return start_run(flow=flow, input=input or {}, actor=ACTOR, now=now, **options).run


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


def until(
    condition: Callable[[], Any], what: str = "it", *, patience_seconds: float = PATIENCE_SECONDS
) -> Any:
    """Return the condition's value once it is true; fail when patience ends."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"Waited {patience_seconds} s for {what}")


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
