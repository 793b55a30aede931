"""Keep a number of child processes running until a signal ends them all."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
# A child that ends this soon after its start has hardly worked.
EARLY_SECONDS = 10.0
# So many of these in a row have a cause that a new start does not mend.
MOST_EARLY_ENDS = 5
STOPPING = (signal.SIGTERM, signal.SIGINT)

Child = subprocess.Popen[bytes]


@dataclass
class Children:
    """``count`` processes of a command. One that ends by itself is replaced."""

    command: Sequence[str]
    count: int
    started: dict[Child, float] = field(default_factory=dict)
    early_ends: int = 0
    stopped_by: signal.Signals | None = None
    told: set[int] = field(default_factory=set)

    def run(self) -> int:
        """Run them until SIGTERM or SIGINT; return the exit status. SIGHUP is passed on.

        It is 1 where they kept ending as soon as they were started.
        """
        for number in (*STOPPING, signal.SIGHUP):
            signal.signal(number, self._pass_on)
        while self.stopped_by is None and self.early_ends < MOST_EARLY_ENDS:
            self._look_after()
            time.sleep(LOOK_SECONDS)
        gave_up = self.stopped_by is None
        if gave_up:
            logger.error("The processes end as soon as they are started: stopping. See above why.")
        return self._stop() or int(gave_up)

    def _look_after(self) -> None:
        for child in [child for child in self.started if child.poll() is not None]:
            lived = time.monotonic() - self.started.pop(child)
            self.early_ends = self.early_ends + 1 if lived < EARLY_SECONDS else 0
            logger.warning("Process %d ended (%s): replaced.", child.pid, child.returncode)
        while len(self.started) < self.count and self.stopped_by is None:
            child = subprocess.Popen(self.command)  # noqa: S603 - our own command
            self.started[child] = time.monotonic()

    def _pass_on(self, number: int, frame: Any) -> None:
        if number == signal.SIGHUP:
            self._tell_all(signal.SIGHUP)
            return
        if self.stopped_by is not None:
            # The second signal asks not to wait any longer.
            self._tell_all(signal.SIGTERM)
        elif number == signal.SIGINT and _is_of_terminal():
            # A Ctrl-C has reached the children too, and a second signal would cut them short.
            self.told.update(child.pid for child in self.started)
        self.stopped_by = signal.Signals(number)

    def _tell_all(self, number: signal.Signals) -> None:
        for child in list(self.started):
            child.send_signal(number)

    def _stop(self) -> int:
        """End the children that were not told yet, and return the first error of all."""
        for child in self.started:
            if child.pid not in self.told:
                child.send_signal(signal.SIGTERM)
        statuses = [child.wait() for child in self.started]
        # A child that was still starting ends by the signal itself: that is no error.
        return next((status for status in statuses if status > 0), 0)


def _is_of_terminal() -> bool:
    """Return True if a Ctrl-C goes to this process and its children."""
    try:
        with Path("/dev/tty").open() as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
