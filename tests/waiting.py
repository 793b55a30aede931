"""The loop in which tests wait for a state that another thread or process brings about."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 20
PAUSE_SECONDS = 0.01


def until(
    condition: Callable[[], Any],
    what: str | Callable[[], str] = "it",
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
    pause: Callable[[float], Any] = time.sleep,
) -> Any:
    """Return the condition's value once it is true; fail when patience ends.

    ``what`` tells what did not happen; a function is called then, and may tell how far it came.
    ``pause`` takes the place of sleep where the wait must serve something else, as a browser.
    """
    deadline = time.monotonic() + patience_seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"Waited {patience_seconds} s for {told}")
        pause(pause_seconds)
    return value
