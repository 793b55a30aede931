"""``python -m bench``: W1 and W2, ours and the peers', in one sitting.

Starts a PostgreSQL with fsync on, a Redis, and two worker processes, all private and on loopback.
Peers run from the environment named by BENCH_PEERS_PYTHON, on the same PostgreSQL.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tests.servers import Stack, stack

STEP_MODULES = "bench.steps"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="runs of W1")
    parser.add_argument("--decisions", type=int, default=200, help="decisions of W2")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=["w1", "w2", "dbos"])
    options = parser.parse_args()
    print(machine())
    with stack(workers=2, durable=True, STEP_MODULES=STEP_MODULES) as running:
        set_up(running)
        measure(options, running)
    return 0


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"


def set_up(running: Stack) -> None:
    os.environ.update(running.settings)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="workbench.settings",
        STEP_MODULES=STEP_MODULES,
        COUNTERSIGN_VAR=str(running.var),
    )
    import django

    django.setup()


def measure(options: argparse.Namespace, running: Stack) -> None:
    from bench import engine

    ours: list[float] = []
    theirs: list[float] = []
    if "w1" in options.only:
        # In turn, so that a machine whose speed drifts treats both alike.
        for _ in range(options.repeats):
            engine.forget_runs()
            ours.append(engine.steps_a_second(options.runs))
            if "dbos" in options.only:
                theirs.append(dbos_steps_a_second(running, max(50, options.runs // 20)))
        report("W1 steps/s", ours)
        if theirs:
            report("W1 steps/s, DBOS", theirs)
            pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            report("W1 ratio to DBOS", pairs)
    if "w2" in options.only:
        repeat(options, "W2", lambda: engine.wake_seconds(options.decisions, pace_seconds=0.02))
        if "dbos" in options.only:
            repeat(options, "W2, DBOS", lambda: dbos_wake_seconds(running, 40))


def repeat(
    options: argparse.Namespace, name: str, wake_seconds: Callable[[], Sequence[float]]
) -> None:
    p50s, p95s = [], []
    for _ in range(options.repeats):
        milliseconds = sorted(1_000 * second for second in wake_seconds())
        p50s.append(statistics.median(milliseconds))
        p95s.append(milliseconds[int(len(milliseconds) * 0.95)])
    report(f"{name} ms, p50", p50s)
    report(f"{name} ms, p95", p95s)


def report(name: str, figures: Sequence[float]) -> None:
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    print(f"{name:24} median {middle:10,.2f}   min {low:10,.2f}   max {high:10,.2f}", flush=True)


# --- Peers --------------------------------------------------------------------------------


def dbos_steps_a_second(running: Stack, runs: int) -> float:
    """Two DBOS processes, each with half of the runs, started at the same moment."""
    halves = [peer(running, "bench.peer_dbos", "w1", str(runs // 2)) for _ in range(2)]
    answers = together(halves)
    seconds = max(a["ended"] for a in answers) - min(a["began"] for a in answers)
    return float(sum(a["steps"] for a in answers) / seconds)


def dbos_wake_seconds(running: Stack, decisions: int) -> list[float]:
    [answer] = together([peer(running, "bench.peer_dbos", "w2", str(decisions))])
    return list(answer["seconds"])


def peer(running: Stack, module: str, workload: str, count: str) -> "subprocess.Popen[str]":
    """Start a peer's process on a database of its own beside ours; it waits for a line."""
    python = os.environ.get("BENCH_PEERS_PYTHON", sys.executable)
    server, _, _ = running.database_url.rpartition("/")
    process = subprocess.Popen(
        [python, "-m", module, workload, f"{server}/bench_peer", count],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{module} did not start; is its extra installed?")
    return process


def together(processes: Sequence["subprocess.Popen[str]"]) -> list[dict[str, Any]]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        assert process.stdout is not None
        answers.append(json.loads(process.stdout.readline()))
        process.wait(60)
    return answers


if __name__ == "__main__":
    sys.exit(main())
