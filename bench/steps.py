"""The steps that the benchmarks run. Allowed by STEP_MODULES=bench.steps."""

import time
from typing import Any

from flows.steps.python import step


@step
def trivial(n: int) -> int:
    """Return the next number: the least that a step can do and still have input and output."""
    return n + 1


@step
def assess(n: int) -> dict[str, Any]:
    """Return about as much as a step of a real flow does."""
    return {
        "application": n,
        "score": 640 + n,
        "probability_good": 0.91,
        "reasons": ["income is stable", "low use of credit", "one late payment"],
        "policy": {"version": 7, "flags": []},
    }


@step
def stamp() -> float:
    """Return the machine's monotonic clock in seconds: the first line of a step."""
    return time.monotonic()
