"""What the storm's flows call. Found by STEP_MODULES in every worker."""

import http.client
import json
import os
import time
from typing import Any

from flows.steps.base import StepContext, StepFailure
from flows.steps.python import step

DEADLY_EXIT = 86
SINK_SECONDS = 10


def tell_sink(ctx: StepContext, run: str, label: str) -> None:
    """Have an effect outside, under the activation's idempotency key."""
    connection = http.client.HTTPConnection(os.environ["STORM_SINK"], timeout=SINK_SECONDS)
    try:
        body = json.dumps({"run": run, "label": label})
        connection.request("POST", "/effect", body, {"Idempotency-Key": ctx.idempotency_key})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise StepFailure(f"The sink answered {answer.status}.", kind="sink")
    finally:
        connection.close()


@step
def effect(ctx: StepContext, run: str, label: str, value: Any = None) -> Any:
    tell_sink(ctx, run, label)
    return value


@step
def flaky(ctx: StepContext, run: str, label: str, fail_times: int) -> int:
    """Fail the first attempts, then have the effect."""
    if ctx.attempt <= fail_times:
        raise StepFailure("As asked", kind="asked")
    tell_sink(ctx, run, label)
    return ctx.attempt


@step
def fatal() -> None:
    raise StepFailure("As asked, for good", kind="asked", retryable=False)


@step
def deadly() -> None:
    """Kill the worker that calls it."""
    os._exit(DEADLY_EXIT)


@step
def large(size: int) -> str:
    return "x" * size


@step
def length(text: str) -> int:
    return len(text)


@step
def slow(ctx: StepContext, run: str, label: str, seconds: float) -> None:
    time.sleep(seconds)
    tell_sink(ctx, run, label)
