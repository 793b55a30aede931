"""The steps of the measured flows. STEP_MODULES=bench.steps allows them."""

import time
from typing import Any

from flows.steps.python import step


@step
def trivial(n: int) -> int:
    """Return the next number: the least that a step with input and output can do."""
    return n + 1


@step
def assess(n: int) -> dict[str, Any]:
    """Return as much as a step of a real flow."""
    return {
        "application": n,
        "score": 640 + n,
        "probability_good": 0.91,
        "reasons": ["income is stable", "low use of credit", "one late payment"],
        "policy": {"version": 7, "flags": []},
    }


@step
def stamp() -> float:
    """Return the monotonic clock in seconds, which tells when this step began."""
    return time.monotonic()
