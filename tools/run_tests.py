"""Run every tier of tests, two at a time, and sum them up.

Servers and browsers that are missing are installed, where that is possible without a password. A
tier whose program is still missing is named at the end as skipped; with CI=true, that is a failure.
"""

import argparse
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests import servers
from tools.outcomes import Outcome, read_report, summarize
from tools.programs import PACKAGES, install_missing, is_installed
from tools.tiers import AT_ONCE, ORDER, ROOT, TIERS, Tier

# Tiers whose output has figures that are to be seen.
FIGURES = frozenset({"bench-editor", "models"})
# Pytest's exit code where it collected no test.
NOTHING_COLLECTED = 5


class Interrupted(Exception):
    """The tests are to stop: SIGTERM came."""


class Runner:
    """Runs tiers side by side, keeps their processes, and stops them all when asked to."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        # Filled by the first tier that needs a migrated database, for all of them.
        self.migrated = tempfile.TemporaryDirectory(prefix="countersign-migrated-")
        self.stopping = threading.Event()
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, names: Sequence[str], *, at_once: int) -> None:
        """Run the tiers in this order, ``at_once`` at a time.

        Raises: KeyboardInterrupt, Interrupted.
        """
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        for name in names:
            waiting.put(name)
        threads = [threading.Thread(target=self._run_next, args=(waiting,)) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.5)
        except (KeyboardInterrupt, Interrupted):
            self.stop()
            for thread in threads:
                thread.join()
            raise

    def stop(self) -> None:
        self.stopping.set()
        with self._lock:
            for process in self._processes:
                process.send_signal(signal.SIGINT)

    def _run_next(self, waiting: queue.SimpleQueue[str]) -> None:
        """Run one tier after the other until none waits."""
        while not self.stopping.is_set():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            self._run_tier(TIERS[name])

    def _run_tier(self, tier: Tier) -> None:
        if not tier.has_tests:
            return
        outcome = Outcome(tier.name)
        began = time.monotonic()
        if missing := [PACKAGES[need] for need in tier.needs if not is_installed(need)]:
            outcome.skipped, outcome.reasons = 1, [f"not installed: {', '.join(missing)}"]
        else:
            try:
                with tier.environment() as env:
                    shared = {"TEST_MIGRATED_FOLDER": self.migrated.name}
                    self._run_commands(tier, env | shared, outcome)
            except (servers.ServerFailed, subprocess.CalledProcessError) as error:
                outcome.failed, outcome.reasons = 1, [str(error)]
        outcome.seconds = time.monotonic() - began
        with self._lock:
            self.outcomes.append(outcome)
            print(outcome, flush=True)

    def _run_commands(self, tier: Tier, env: dict[str, str], outcome: Outcome) -> None:
        with tempfile.TemporaryDirectory(prefix="countersign-report-") as folder:
            report = Path(folder) / "report.xml"
            for command in tier.commands(report):
                code, output = self._wait_for(command, env)
                read_report(tier, report, output, outcome)
                if tier.name == "editor build" and code == 0:
                    outcome.passed = 1
                if code != 0 or outcome.skipped or tier.name in FIGURES:
                    print(f"\n--- {tier.name} ---\n{output}", flush=True)
                # Another code without a failed test: it went wrong before the first test.
                if code not in (0, NOTHING_COLLECTED) and not outcome.failed:
                    outcome.failed = 1
                if code != 0:
                    return

    def _wait_for(self, command: Sequence[str], env: dict[str, str]) -> tuple[int, str]:
        # In a session of its own, so that a Ctrl-C reaches it once, from ``stop``.
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        with self._lock:
            self._processes.add(process)
        output, _ = process.communicate()
        with self._lock:
            self._processes.discard(process)
        return process.returncode, output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", action="append", choices=sorted(TIERS), help="only these")
    chosen = parser.parse_args().tier
    names = chosen or ORDER
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell that starts this in the background has it ignored, and so would every server that a
    # test stops by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tiers = [TIERS[name] for name in names]
    install_missing({each for tier in tiers for each in (*tier.needs, *tier.wants)})
    began = time.monotonic()
    runner = Runner()
    try:
        runner.run(names, at_once=1 if chosen else AT_ONCE)
    except (KeyboardInterrupt, Interrupted):
        print("Stopped.")
        return 130
    return summarize(runner.outcomes, time.monotonic() - began)


def _interrupt(*_: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    sys.exit(main())
