"""Step types that tests steer and look into, and flows of them drawn from lines."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from flows.graph.codec import parse, to_mapping
from flows.models import Flow, FlowVersion
from flows.runtime.artifacts import read_artifact, store_artifact
from flows.services import create_flow, release_version
from flows.steps.base import Opened, Result, RunningStep, StepConfig, StepContext, StepFailure
from flows.steps.base import WaitingStep as BaseWaitingStep
from flows.steps.registry import all_step_types, register
from tests.factories.people import ACTOR

# How often each step was called, and each idempotency key.
calls: Counter[str] = Counter()
effects: Counter[str] = Counter()
_lock = threading.Lock()


def forget_calls() -> None:
    calls.clear()
    effects.clear()


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
            store: str = ""
            read: str = ""

        def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
            return ("done", "again", "yes", "no", "limit")

        def run(self, ctx: StepContext, config: Config) -> Result:
            with _lock:
                calls[ctx.step_id] += 1
                effects[ctx.idempotency_key] += 1
            time.sleep(config.sleep)
            if ctx.attempt <= config.fail_times:
                raise StepFailure("as asked", kind="asked", retryable=not config.fatal)
            if config.read:
                return Result(output={"read": read_artifact(config.read)[1].decode()})
            if config.store:
                return Result(_store(config.store, ctx.now))
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


def _store(text: str, now: datetime) -> dict[str, Any]:
    return store_artifact(content=text.encode(), media_type="text/plain", name="a.txt", now=now)


def publish_flow(*edges: str, output: Any = None, name: str = "kit", **steps: Any) -> Flow:
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
