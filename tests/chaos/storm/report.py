"""What is told of a storm: as JSON, and as a table."""

from collections import Counter
from typing import Any

from tests.chaos.storm.faults import Faults
from tests.chaos.storm.load import Load
from tests.chaos.storm.recovery import CONTROL, OUTAGE, Recovered, Recovery
from tests.chaos.storm.verdict import Verdict


def make_report(
    verdict: Verdict, faults: Faults, recovery: Recovery, load: Load, seed: int, raged: float,
    settled: float,
) -> dict[str, Any]:  # fmt: skip
    """Return the report as plain data; every list of wrongs is empty where promises were kept."""
    pending = [f"{w.fault} at {w.at}: {w.tokens} {w.jobs}" for w in recovery.pending]
    return {
        "seed": seed,
        "seconds": round(raged, 1),
        "settled_seconds": round(settled, 1),
        "runs": verdict.runs,
        "child_runs": verdict.children,
        "runs_by_kind": dict(sorted(verdict.by_kind.items())),
        "effects": verdict.effects,
        "requests": verdict.requests,
        "acts_repeated": load.desk.repeated,
        "taken_for_poison": sorted(load.retried),
        "faults": faults.keeper.counts.total(),
        "faults_by_kind": dict(faults.keeper.counts.most_common()),
        "commit_points": dict(faults.keeper.points.most_common()),
        "commit_points_not_reached": faults.unreached,
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "stuck": verdict.stuck,
        "wrong": verdict.wrong,
        "left_over": verdict.left_over + pending,
        "recovery": _recovery(recovery.recovered),
        "slowest": [
            {"fault": r.fault, "at": r.at, "seconds": round(r.seconds, 2)}
            for r in sorted(recovery.recovered, key=lambda r: -r.seconds)[:20]
        ],
        "good": verdict.is_good and not pending,
    }


def _recovery(recovered: list[Recovered]) -> dict[str, Any]:
    by_fault: dict[str, list[float]] = {}
    for each in recovered:
        by_fault.setdefault(each.fault, []).append(each.seconds)
    aside = {CONTROL, OUTAGE}
    by_fault["all"] = [each.seconds for each in recovered if each.fault not in aside]
    return {
        fault: {
            "measured": len(seconds),
            "p50": round(_share(seconds, 0.5), 3),
            "p99": round(_share(seconds, 0.99), 3),
            "max": round(max(seconds, default=0), 3),
        }
        for fault, seconds in by_fault.items()
    }


def _share(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def table(report: dict[str, Any]) -> str:
    """Return the report for a person to read."""
    runs = (
        f"seed {report['seed']}: {report['runs']:,} runs and {report['child_runs']:,} that they"
        f" called, {report['faults']:,} faults in {report['seconds']:,.0f} s;"
        f" settled in {report['settled_seconds']} s"
    )
    effects = (
        f"{report['effects']:,} effects, {report['requests']:,} requests for them;"
        f" {report['acts_repeated']} acts repeated; {len(report['taken_for_poison'])} innocent runs"
        f" taken for poison, retried; ledger: {report['ledger']}"
    )
    lines = [
        runs,
        effects,
        f"{'fault':<34}{'times':>7}{'measured':>10}{'p50 s':>9}{'p99 s':>9}{'max s':>9}",
    ]
    counts = Counter(report["faults_by_kind"])
    rows = [*counts.most_common(), ("all", report["faults"]), (OUTAGE, 0), (CONTROL, 0)]
    for fault, times in rows:
        r = report["recovery"].get(fault, {"measured": 0, "p50": 0, "p99": 0, "max": 0})
        lines.append(
            f"{fault:<34}{times:>7}{r['measured']:>10}{r['p50']:>9.2f}{r['p99']:>9.2f}"
            f"{r['max']:>9.2f}"
        )
    for what in ("lost", "doubled", "stuck", "wrong", "left_over"):
        lines.append(f"{what.replace('_', ' ')}: {len(report[what])}")
        lines += [f"    {line}" for line in report[what][:20]]
    return "\n".join(lines)
