"""The steps that the benchmarks run. Allowed by STEP_MODULES=bench.steps."""

import time

from flows.steps.python import step


@step
def trivial(n: int) -> int:
    """Return the next number: the least that a step can do and still have input and output."""
    return n + 1


@step
def stamp() -> float:
    """Return the machine's monotonic clock in seconds: the first line of a step."""
    return time.monotonic()
