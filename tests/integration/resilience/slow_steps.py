"""Steps of a worker process that is told to stop. Found by STEP_MODULES."""

import time

from flows.steps.python import step


@step
def nap(seconds: float) -> float:
    """Sleep, and give back for how long."""
    time.sleep(seconds)
    return seconds
