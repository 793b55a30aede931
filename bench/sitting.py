"""A sitting: measure each workload of each contender, in turn, on the same servers.

In turn, so that a machine whose speed drifts treats all alike: each repeat measures one contender
after the other, and begins with another one than the repeat before.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench import machine
from bench.contenders import OURS, Contender
from bench.conversation import ProcessFailed
from bench.figures import Sheet, percentile
from bench.running import Running
from bench.servers import Servers

PACE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. ``share`` scales the numbers of runs, decisions and stored runs."""

    repeats: int = 5
    share: float = 1.0

    def of(self, count: int, least: int = 1) -> int:
        return max(least, round(count * self.share))


@dataclass(slots=True)
class Sitting:
    servers: Servers
    sheet: Sheet
    size: Size
    only: frozenset[str]
    failed: bool = False

    def attempt(self, what: str, measure: Callable[[], None]) -> bool:
        """Measure, or note why it failed. Return whether it worked: others are measured anyway."""
        try:
            measure()
        except (ProcessFailed, TimeoutError, OSError) as error:
            self.sheet.note(f"{what} could not be measured: {error}")
            self.failed = True
            return False
        return True

    # --- W1, W2: with the peers ---

    def contest(self, contenders: Sequence[Contender]) -> None:
        """Measure W1, W2 and the burst of each contender, in every repeat."""
        left = [each for each in contenders if "w1" in self.only or each.decides]
        for repeat in range(self.size.repeats):
            first = repeat % len(left) if left else 0
            for contender in left[first:] + left[:first]:
                if not self.attempt(contender.name, partial(self.measure, contender)):
                    left.remove(contender)

    def measure(self, contender: Contender) -> None:
        with contender.running(self.servers) as running:
            if "w1" in self.only:
                self.linear(contender, running)
            if contender.decides and "w2" in self.only:
                self.wake(contender, running)
            if contender.decides and "burst" in self.only:
                self.burst(contender, running)

    def linear(self, contender: Contender, running: Running, workload: str = "W1") -> None:
        runs = self.size.of(contender.runs, least=4)
        running.linear(max(4, runs // 10))
        load = machine.load()
        speed = running.linear(runs)
        self.sheet.add(workload, contender.name, {"steps": (speed, "/s")}, load)

    def wake(self, contender: Contender, running: Running) -> None:
        running.decide(10, PACE_SECONDS)
        load = machine.load()
        seconds, _ = running.decide(self.size.of(200, least=20), PACE_SECONDS)
        milliseconds = [1_000 * each for each in seconds]
        figures = {
            "p50": (statistics.median(milliseconds), "ms"),
            "p95": (percentile(milliseconds, 0.95), "ms"),
        }
        self.sheet.add("W2 paced", contender.name, figures, load)

    def burst(self, contender: Contender, running: Running) -> None:
        load = machine.load()
        _, speed = running.decide(self.size.of(500, least=20), 0)
        self.sheet.add("W2 burst", contender.name, {"resumed": (speed, "/s")}, load)

    def ratios(self) -> list[str]:
        return [
            *self.sheet.compare("W1", "steps", OURS, more_is_better=True),
            *self.sheet.compare("W2 paced", "p50", OURS, more_is_better=False),
            *self.sheet.compare("W2 paced", "p95", OURS, more_is_better=False),
            *self.sheet.compare("W2 burst", "resumed", OURS, more_is_better=True),
        ]
