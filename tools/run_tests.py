"""Run every tier of tests, two lanes side by side, and sum them up.

What a missing server or browser keeps from running is installed where that can be done, else named
at the end as skipped. With CI=true a skip is a failure.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "--no-header"]
EDITOR = ROOT / "frontend" / "editor"


@dataclass(frozen=True)
class Tier:
    """Tests that run as one process. ``needs`` are keys of PROGRAMS."""

    name: str
    folders: tuple[str, ...]
    needs: tuple[str, ...] = ()
    with_servers: bool = False
    arguments: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What came of a tier."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)


NOT_SCREENS = ("-m", "not screens")
TIERS = {
    tier.name: tier
    for tier in (
        Tier("unit", ("tests/unit",)),
        Tier("js", ("tests/js",), needs=("node",)),
        Tier("integration, SQLite", ("tests/integration",)),
        Tier(
            "integration, PostgreSQL and Redis",
            ("tests/integration",),
            needs=("postgresql", "redis"),
            with_servers=True,
            arguments=("-m", "not own_servers"),
        ),
        Tier("web", ("tests/web",)),
        Tier("browser", ("tests/browser",), needs=("chromium",), arguments=NOT_SCREENS),
        Tier(
            "chaos", ("tests/chaos",), needs=("postgresql", "redis"), arguments=("--timeout=300",)
        ),
        Tier("editor build", ("frontend/editor",), needs=("npm",)),
        Tier("screens", ("tests/browser",), needs=("chromium",), arguments=("-m", "screens")),
        Tier("bench-editor", ("bench/editor",), needs=("chromium",), arguments=("--timeout=600",)),
    )
}
# Two cores: the tiers that wait for other processes beside those that compute.
LANES = (
    ("web", "integration, SQLite", "chaos"),
    ("js", "editor build", "browser", "integration, PostgreSQL and Redis", "unit"),
)
PROGRAMS = {
    "postgresql": "postgresql",
    "redis": "redis-server",
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
}


def find(program: str) -> bool:
    if program == "postgresql":
        with contextlib.suppress(servers.ServerMissing):
            return bool(servers.find_postgresql())
        return False
    commands = {"redis": "redis-server"}
    return shutil.which(commands.get(program, program)) is not None


def install_missing(needs: set[str]) -> None:
    """Install what is missing with apt, where that is possible without asking."""
    missing = sorted(PROGRAMS[need] for need in needs if not find(need))
    if not missing:
        return
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = shutil.which("apt-get")
    if not apt or (root and not _may_sudo()):
        print(f"Not installed here: {', '.join(missing)}", flush=True)
        return
    print(f"Installing {', '.join(missing)}", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-y", "-qq", "--no-install-recommends", *missing]
    for arguments in (["update", "-qq"], install):
        # What could not be installed is named at the end; apt's own words say why.
        subprocess.run(
            [*root, apt, *arguments], env=env, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip


def _may_sudo() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0


class Interrupted(Exception):
    """Somebody wants the tests to stop."""


class Runner:
    """Runs lanes of tiers, keeps their processes, and stops them all when asked to."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.stopping = threading.Event()
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, lanes: Sequence[Sequence[str]]) -> None:
        threads = [threading.Thread(target=self._run_lane, args=(lane,)) for lane in lanes]
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

    def _run_lane(self, names: Sequence[str]) -> None:
        for name in names:
            if not self.stopping.is_set():
                self._run_tier(TIERS[name])

    def _run_tier(self, tier: Tier) -> None:
        if not any(_has_tests(ROOT / folder) for folder in tier.folders):
            return
        outcome = Outcome(tier.name)
        began = time.monotonic()
        if missing := [PROGRAMS[need] for need in tier.needs if not find(need)]:
            outcome.skipped, outcome.reasons = 1, [f"not installed: {', '.join(missing)}"]
        else:
            try:
                with _environment(tier) as env:
                    self._run_process(tier, env, outcome)
            except (servers.ServerFailed, subprocess.CalledProcessError) as error:
                outcome.failed, outcome.reasons = 1, [str(error)]
        outcome.seconds = time.monotonic() - began
        with self._lock:
            self.outcomes.append(outcome)
            print(_line(outcome), flush=True)

    def _run_process(self, tier: Tier, env: dict[str, str], outcome: Outcome) -> None:
        with tempfile.TemporaryDirectory(prefix="countersign-report-") as folder:
            report = Path(folder) / "report.xml"
            for command in _commands(tier, report):
                code, output = self._wait_for(command, env)
                _read_report(tier, report, output, outcome)
                if tier.name == "editor build" and code == 0:
                    outcome.passed = 1
                if code != 0 or outcome.skipped or tier.name == "bench-editor":  # its figures
                    print(f"\n--- {tier.name} ---\n{output}", flush=True)
                # 5: nothing was collected. Anything else without a failed test went wrong earlier.
                if code not in (0, 5) and not outcome.failed:
                    outcome.failed = 1
                if code != 0:
                    return

    def _wait_for(self, command: Sequence[str], env: dict[str, str]) -> tuple[int, str]:
        # A session of its own: a Ctrl-C comes once, from us.
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


def _has_tests(folder: Path) -> bool:
    if folder == EDITOR:
        return (folder / "package-lock.json").exists()
    patterns = ("test_*.py", "*.test.js", "*.test.mjs")
    return any(found for pattern in patterns for found in folder.rglob(pattern))


@contextlib.contextmanager
def _environment(tier: Tier) -> Iterator[dict[str, str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    if not tier.with_servers:
        yield env
        return
    with servers.postgresql() as database_url, servers.redis_server() as redis_url:
        yield env | {"TEST_DATABASE_URL": database_url, "TEST_REDIS_URL": redis_url}


def _commands(tier: Tier, report: Path) -> list[list[str]]:
    if tier.name == "js":
        tests = [
            str(path)
            for pattern in ("*.test.js", "*.test.mjs")
            for path in sorted((ROOT / "tests/js").rglob(pattern))
        ]
        return [*_editor_packages(), ["node", "--test", "--test-reporter=tap", *tests]]
    if tier.name == "editor build":
        return [*_editor_packages(), [sys.executable, "-m", "tools.check_editor_build"]]
    return [[*PYTEST, f"--junitxml={report}", *tier.arguments, *tier.folders]]


def _editor_packages() -> list[list[str]]:
    if not (EDITOR / "package-lock.json").exists() or (EDITOR / "node_modules").exists():
        return []
    return [["npm", "ci", "--prefix", str(EDITOR), "--no-audit", "--no-fund", "--silent"]]


def _read_report(tier: Tier, report: Path, output: str, outcome: Outcome) -> None:
    if tier.name == "js":
        counts = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", output, re.MULTILINE))
        outcome.passed, outcome.failed = int(counts.get("pass", 0)), int(counts.get("fail", 0))
        outcome.skipped = int(counts.get("skipped", 0))
    elif report.exists():
        for suite in ET.parse(report).iter("testsuite"):  # noqa: S314 - pytest wrote it
            wrong = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            outcome.failed += wrong
            outcome.skipped += skipped
            outcome.passed += int(suite.get("tests", 0)) - wrong - skipped
            outcome.reasons += [str(skip.get("message")) for skip in suite.iter("skipped")]


def _line(outcome: Outcome) -> str:
    counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
    return f"{outcome.tier:<36}{counts:<40}{outcome.seconds:6.1f} s"


def summarize(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print the table and the final line; return the exit code."""
    print("\n" + "=" * 84)
    for outcome in outcomes:
        print(_line(outcome))
        for reason in sorted(set(outcome.reasons)):
            print(f"    {reason}")
    skipped = sum(outcome.skipped for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    print(f"{seconds:.0f} seconds in all")
    strict = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    if skipped:
        print(f"{skipped} skipped" + (", which CI counts as failed" if strict else ""))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed or (strict and skipped) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", action="append", choices=sorted(TIERS), help="only these")
    chosen = parser.parse_args().tier
    lanes = [chosen] if chosen else LANES
    signal.signal(signal.SIGTERM, _interrupt)
    install_missing({need for lane in lanes for name in lane for need in TIERS[name].needs})
    began = time.monotonic()
    runner = Runner()
    try:
        runner.run(lanes)
    except (KeyboardInterrupt, Interrupted):
        print("Stopped.")
        return 130
    return summarize(runner.outcomes, time.monotonic() - began)


def _interrupt(*_: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    sys.exit(main())
