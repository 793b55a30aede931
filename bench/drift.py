"""What contracts find, and what they cost.

    python -m bench.drift detect     # seeded shifts, and false alarms on days without one
    python -m bench.drift days       # the clock task over 100,000 recorded outputs
    python -m bench.drift steps      # a step with a checked output beside one without

``days`` and ``steps`` use the database of the settings, in a folder of their own on SQLite; for
PostgreSQL: ``python -m tests.servers python -m bench.drift days``.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
LEARNED_FROM = 3_000
SIZES = (100, 300, 1_000)
DAYS = 200
QUIET_DAYS = 1_000
OUTPUTS = 100_000
RUNS = 400
Json = Any


def make_output(random: Random, shift: str = "") -> Json:
    """Return what a step might give: a score, an amount, a kind, and a note that may be missing."""
    score = random.betavariate(6, 2)
    kinds = ("new", "known", "staff") if shift == "new category, 3 %" else ("new", "known")
    weights = (62, 35, 3) if shift == "new category, 3 %" else (65, 35)
    nulls = {"nulls, 2 % to 10 %": 0.1}.get(shift, 0.02)
    moved = {"mean, half a deviation": 0.072, "mean, one deviation": 0.144}.get(shift, 0.0)
    return {
        "score": max(0.0, score - moved),
        "amount": random.lognormvariate(8, 0.7) * (100 if shift == "unit, times 100" else 1),
        "visits": random.randint(0, 4),
        "kind": random.choices(kinds, weights)[0],
        "note": None if random.random() < nulls else random.random(),
    }


SHIFTS = {
    "mean, half a deviation": "score", "mean, one deviation": "score", "unit, times 100": "amount",
    "new category, 3 %": "kind", "nulls, 2 % to 10 %": "note",
}  # fmt: skip


def detect() -> None:
    from flows.contracts.counting import Tally
    from flows.contracts.learning import Learner
    from flows.contracts.leaves import take_field
    from flows.contracts.model import Contract

    random, learner = Random(20_261), Learner()
    for _ in range(LEARNED_FROM):
        learner.add(make_output(random), NOW)
    contract = Contract("bench@1", "", "", learner.propose())

    def measure(size: int, shift: str) -> dict[str, tuple[str, ...]]:
        tallies = {rule.path: Tally(rule) for rule in contract.fields}
        for _ in range(size):
            output = make_output(random, shift)
            for path, tally in tallies.items():
                tally.add(take_field(output, path), NOW)
        return {path: tally.measure(contract).said for path, tally in tallies.items()}

    print(f"Learned from {LEARNED_FROM:,} outputs; {DAYS} days of each size.\n")
    print("| Shift | " + " | ".join(f"{size:,} a day" for size in SIZES) + " |")
    print("|---|" + "---:|" * len(SIZES))
    for shift, field in SHIFTS.items():
        found = [sum(bool(measure(size, shift)[field]) for _ in range(DAYS)) for size in SIZES]
        print(f"| {shift} | " + " | ".join(f"{each / DAYS:.1%}" for each in found) + " |")
    print(f"\nNo shift, {QUIET_DAYS:,} days of 5 fields:")
    for size in SIZES:
        said: list[str] = []
        for day in range(QUIET_DAYS):
            for path, what in measure(size, "").items():
                said += [f"day {day} {path} {'+'.join(what)}"] if what else []
        print(f"  {size:,} outputs a day: {len(said)} false alarms {said[:5]}")


def figure_days() -> None:
    from flows.contracts.learning import Learner
    from flows.drift import clock
    from flows.drift.models import FieldFigure
    from tests.factories.contracts import make_contract, record_outputs
    from tests.factories.flows import make_flow

    random, learner = Random(3), Learner()
    flow, days = make_flow("loan"), 10
    for _ in range(LEARNED_FROM):
        learner.add(make_output(random), NOW)
    for back in range(days):
        outputs = [make_output(random) for _ in range(OUTPUTS // days)]
        day = NOW.date() - timedelta(days=back + 1)
        record_outputs(flow, day, outputs, model=f"scorecard-{back % 2}")
    fields = [rule.as_json() for rule in learner.propose()]
    make_contract(fields=fields)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = _time(lambda: _repeat(lambda: clock.figure_days(NOW)))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{OUTPUTS:,} outputs of 5 fields on {days} of {clock.LOOK_BACK_DAYS} days: {took:.1f} s")
    print(
        f"{FieldFigure.objects.count():,} figures; "
        f"memory's peak rose by {(after - before) / 1024:.1f} MB"
    )
    again = _time(lambda: _repeat(lambda: clock.figure_days(NOW)))
    print(f"with nothing due: {again * 1000:.1f} ms")


def run_steps() -> None:
    from django.utils import timezone

    from flows.contracts.checking import check_output
    from flows.contracts.learning import Learner
    from flows.contracts.model import Contract
    from flows.models import Run
    from tests.driving import driving, start
    from tests.factories.contracts import make_contract
    from tests.integration.guards.guarded import publish_document
    from tests.waiting import until

    random, learner = Random(3), Learner()
    for _ in range(LEARNED_FROM):
        learner.add(make_output(random), NOW)
    rules = learner.propose()
    contract, output = Contract("bench@1", "", "", rules), make_output(random)
    took = _time(lambda: [check_output(output, contract, timezone.now()) for _ in range(20_000)])
    print(f"checking an output of 5 fields: {took / 20_000 * 1e6:.1f} us")
    make_contract("bench", fields=[rule.as_json() for rule in rules])
    copy = {"type": "transform", "with": {"output": "${ input }"}}
    guard = {
        "type": "guard",
        "with": {"check": "${ steps.copy.output }",
                 "against": [{"rule": "contract", "contract": "bench"}]},
    }  # fmt: skip
    end = {"type": "end", "with": {"outcome": "good"}}
    plain = publish_document({
        "schema": "countersign/flow@1", "name": "plain", "title": "Plain",
        "steps": {"copy": copy, "end": end}, "edges": ["copy.done -> end"],
    })  # fmt: skip
    checked = publish_document({
        "schema": "countersign/flow@1", "name": "checked", "title": "Checked",
        "steps": {"copy": copy, "guard": guard, "end": end},
        "edges": ["copy.done -> guard", "guard.clean -> end", "guard.flagged -> end"],
    })  # fmt: skip

    def has_ended() -> bool:
        return not Run.objects.filter(finished_at=None).exists()

    for flow in (plain, checked, plain, checked, plain, checked):
        for _ in range(RUNS):
            start(flow, output)
        with driving():
            took = _time(lambda: until(has_ended, "the runs", patience_seconds=300))
        print(f"{flow.name}: {took / RUNS * 1000:.2f} ms a run, {RUNS} at once")


def _time(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _repeat(act: Callable[[], bool]) -> None:
    while act():
        pass


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.drift", description=__doc__)
    parser.add_argument("what", choices=("detect", "days", "steps"))
    what = parser.parse_args().what
    with tempfile.TemporaryDirectory(prefix="countersign-drift-") as folder:
        os.environ.update(COUNTERSIGN_VAR=folder, DJANGO_SETTINGS_MODULE="tests.settings")
        import django
        from django.core.management import call_command

        django.setup()
        if what == "detect":
            return detect()
        call_command("migrate", verbosity=0)
        return figure_days() if what == "days" else run_steps()


if __name__ == "__main__":
    main()
