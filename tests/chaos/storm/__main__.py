"""``python -m tests.chaos.storm``: a storm and its report; 1 as exit code if it broke a promise."""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests import servers
from tests.chaos.storm.faults import Faults
from tests.chaos.storm.keeper import Keeper
from tests.chaos.storm.load import Load
from tests.chaos.storm.recovery import Recovery
from tests.chaos.storm.report import make_report, table
from tests.chaos.storm.verdict import judge
from tests.chaos.storm.world import Database, World, world

OPEN = "SELECT count(*) FROM flows_run WHERE status IN ('running', 'paused')"
JOBS = "SELECT count(*) FROM dispatch_outbox"


def main() -> int:
    chosen = _arguments()
    seed = chosen.seed if chosen.seed is not None else random.randrange(10**6)
    say(f"seed {seed}, {chosen.seconds:g} s, {chosen.faults:g} faults a second")
    folder = Path(chosen.keep or tempfile.mkdtemp(prefix="countersign-storm-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with world(folder) as made:
            report = storm(made, chosen, seed)
            ledger = _verify_ledger(made)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    report["ledger"] = ledger
    report["good"] = report["good"] and "good" in ledger
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(report, indent=1) + "\n")
    say(table(report))
    return 0 if report["good"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long faults are made")
    parser.add_argument("--minutes", type=float, help="the same in minutes")
    parser.add_argument("--seed", type=int, help="of the mix and of the faults")
    parser.add_argument("--faults", type=float, default=1.0, help="a second, on average")
    parser.add_argument("--every-point", action="store_true", help="die at each of them first")
    parser.add_argument("--open", type=int, default=60, help="runs under way at a time")
    parser.add_argument("--runs", type=int, default=10**6, help="start no more than this many")
    parser.add_argument("--settle", type=float, default=60, help="seconds for the last to end")
    parser.add_argument("--json", help="write the report here")
    parser.add_argument("--keep", help="keep logs in this folder")
    chosen = parser.parse_args()
    if chosen.minutes is not None:
        chosen.seconds = chosen.minutes * 60
    return chosen


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def storm(made: World, chosen: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Let it rage, let it settle, and judge."""
    made.start_all()
    recovery = Recovery(made.postgres.url)
    keeper = Keeper(made, recovery)
    faults = Faults(made, keeper, recovery, seed, chosen.faults, chosen.every_point)
    load = Load(made, seed, most_open=chosen.open, most_runs=chosen.runs)
    began = time.monotonic()
    for part in (recovery, keeper, faults, load):
        part.start()
    try:
        faults.visited.wait(chosen.settle * 2)
        _wait(chosen.seconds, load, keeper, recovery)
        load.starting.clear()
        faults.heal()
        raged = time.monotonic() - began
        settled = _settle(made, recovery, chosen.settle)
    finally:
        faults.stop()
        keeper.stop()
        load.stop()
        recovery.stop()
    verdict = judge(load.started, made.sink, Database(made.postgres.url))
    verdict.wrong += load.desk.wrong + keeper.crashes
    return make_report(verdict, faults, recovery, load, seed, raged, settled)


def _wait(seconds: float, load: Load, keeper: Keeper, recovery: Recovery) -> None:
    until, told = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < until:
        time.sleep(0.2)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say(
                f"{until - told:5.0f} s left: {len(load.started)} runs started,"
                f" {load.open_runs} open, {keeper.counts.total()} faults,"
                f" {len(recovery.pending)} recovering"
            )


def _settle(made: World, recovery: Recovery, seconds: float) -> float:
    """Wait until nothing is under way any more, or patience ends; return how long that took."""
    database, began = Database(made.postgres.url), time.monotonic()
    while time.monotonic() - began < seconds:
        with suppress(Exception):
            [(runs,)], [(jobs,)] = database.ask(OPEN), database.ask(JOBS)
            if not runs and not jobs and not recovery.pending:
                break
        time.sleep(0.2)
    return time.monotonic() - began


def _verify_ledger(made: World) -> str:
    settings = {"DATABASE_URL": made.postgres.url, "REDIS_URL": made.redis.url + "/0"}
    try:
        return servers.manage(made.folder, "audit", "verify", **settings).strip()
    except servers.ServerFailed as failed:
        return str(failed)


if __name__ == "__main__":
    sys.exit(main())
