"""Measure how long a backtest of recorded demo runs takes, and check which decisions flip.

    python -m bench.backtest [--runs 500] [--cutoff 0.83]

Loads the demo's history into a database of its own, moves the cutoff for approval, and backtests
the draft. Each run is then decided once more by plain Python, on the values in its journal.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import servers

MOST_SECONDS = 60
HISTORY = 700
RELEASED_CUTOFF = 0.87
LEAST_CONFIDENCE, DECLINED_BELOW = 0.8, 0.7
OUTCOMES = {
    "approve": "approved", "decline": "declined",
    "approved": "approved", "rejected": "declined", "expired": "not_decided",
}  # fmt: skip
Json = Any


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="countersign-backtest-") as folder:
        var = Path(folder)
        servers.manage(var, "migrate", "--verbosity", "0")
        servers.manage(var, "load_demo", "--runs", "0", "--history", str(HISTORY))
        changed = var / "changed.yaml"
        changed.write_text(
            replace_cutoff(servers.manage(var, "flow", "export", "consumer-loan"), options.cutoff)
        )
        load, began, computed = os.getloadavg()[0], time.monotonic(), read_cpu_seconds()
        told = json.loads(
            servers.manage(
                var, "flow", "backtest", "consumer-loan", "--file", str(changed),
                "--runs", str(options.runs), "--json",
            )
        )  # fmt: skip
        seconds, computed = time.monotonic() - began, read_cpu_seconds() - computed
        by_hand = find_flips_by_hand(var, options.runs, options.cutoff)
    print(
        f"{told['runs']} runs in {seconds:.1f} s of {MOST_SECONDS}, with the command's start; "
        f"{computed:.1f} s of CPU time; load {load:.1f}"
    )
    exact = sorted(told["flipped"]) == by_hand
    same = "the same" if exact else "not the same"
    print(f"{len(told['flipped'])} decisions flip; decided by hand {len(by_hand)}, {same}")
    return int(not exact or not by_hand or seconds > MOST_SECONDS)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="bench.backtest")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--cutoff", type=float, default=0.83)
    return parser.parse_args()


def replace_cutoff(document: str, cutoff: float) -> str:
    """Return the flow's document with another cutoff for approval."""
    before = f"probability_good >= {RELEASED_CUTOFF}"
    if document.count(before) != 1:
        raise AssertionError(f"The demo's cutoff is not {before}")
    return document.replace(before, f"probability_good >= {cutoff}")


def read_cpu_seconds() -> float:
    """Return the CPU time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- By hand ------------------------------------------------------------------------------

READ = """
import json
from flows.backtest.selectors import choose_runs
from flows.models import Flow, Journal
from flows.runtime.payloads import fetch
from flows.selectors.run_filters import RunFilters
flow = Flow.objects.get(name="consumer-loan")
rows = Journal.objects.filter(
    run_id__in=choose_runs(flow, RunFilters(flow=flow.name), most={runs}),
    step__in=["score", "affordability", "fraud", "review"], kind="step.finished",
).order_by("run_id", "seq").values_list("run_id", "step", "port", "data")
print(json.dumps([[run, step, port, fetch(data)] for run, step, port, data in rows]))
"""


def find_flips_by_hand(var: Path, runs: int, cutoff: float) -> list[int]:
    """Return the runs that end differently with the cutoff than with the released one."""
    read = READ.format(runs=runs)
    finished: dict[int, dict[str, list[Json]]] = {}
    for run, step, port, output in json.loads(
        servers.manage(var, "shell", "--no-imports", "-c", read)
    ):
        finished.setdefault(run, {}).setdefault(step, []).append((port, output))
    return sorted(
        run
        for run, steps in finished.items()
        if decide_by_hand(steps, cutoff) != decide_by_hand(steps, RELEASED_CUTOFF)
    )


def decide_by_hand(steps: dict[str, list[Json]], cutoff: float) -> str:
    """Return the outcome of a run: go through its rounds until a rule or a person decides."""
    rounds = zip(steps["score"], steps["affordability"], steps["fraud"], strict=True)
    decisions = iter(steps.get("review", []))
    for (_, score), (_, affordability), (_, fraud) in rounds:
        port = route(score, affordability, fraud, cutoff)
        if port == "unsure":
            port = next(decisions, ("waits", None))[0]
        if port != "rework":
            return OUTCOMES.get(port, port)
    return "referred"


def route(score: Json, affordability: Json, fraud: Json, cutoff: float) -> str:
    """Return the port of the branch *Clear or unsure* in examples/consumer_loan/flow.yaml."""
    good = score["prediction"]["probability_good"]
    no_flags = not affordability["flags"] and not fraud["flags"]
    if good >= cutoff and score["confidence"] >= LEAST_CONFIDENCE and no_flags:
        return "approve"
    return "decline" if good < DECLINED_BELOW and not fraud["critical"] else "unsure"


if __name__ == "__main__":
    sys.exit(main())
