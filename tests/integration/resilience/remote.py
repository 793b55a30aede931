"""A step type with a destination, whose answers a test decides."""

import threading
import time
from typing import ClassVar

from flows.steps.base import Result, RunningStep, StepConfig, StepContext, StepFailure
from flows.steps.registry import all_step_types, register

down: set[str] = set()
calls: list[tuple[str, int]] = []
under_way: dict[str, int] = {}
most: dict[str, int] = {}
lock = threading.Lock()


if "test.remote" not in {type_.name for type_ in all_step_types()}:

    @register
    class Remote(RunningStep):
        """Calls ``host``, which fails while it is in ``down``."""

        name = "test.remote"
        title = "Remote"
        blocking: ClassVar[bool] = True

        class Config(StepConfig):
            host: str
            kind: str = "connection"
            sleep: float = 0

        def destination(self, config: Config) -> str | None:
            return config.host

        def run(self, ctx: StepContext, config: Config) -> Result:
            with lock:
                calls.append((config.host, ctx.attempt))
                under_way[config.host] = under_way.get(config.host, 0) + 1
                most[config.host] = max(most.get(config.host, 0), under_way[config.host])
            time.sleep(config.sleep)
            with lock:
                under_way[config.host] -= 1
            if config.host in down:
                raise StepFailure(f"{config.host} is down", kind=config.kind)
            return Result("ok")


def reset() -> None:
    for kept in (down, calls, under_way, most):
        kept.clear()


def calls_to(host: str) -> list[int]:
    return [attempt for called, attempt in calls if called == host]
