"""Count how the runs of converted applications ended, and what their decisions cost.

    python -m examples.consumer_loan.cost applications.jsonl

The file comes from the converter. Its labels are matched to runs by idempotency key, in the
database that the environment names. The costs are the data set's own: 5 for approving a bad risk, 1
for declining a good one.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COST_BAD_APPROVED, COST_GOOD_DECLINED = 5, 1
MATRIX = {("approved", "bad"): COST_BAD_APPROVED, ("declined", "good"): COST_GOOD_DECLINED}


@dataclass(frozen=True, slots=True)
class Ended:
    """An application: how the loan turned out, how its run ended, and whether people saw it."""

    label: str
    outcome: str
    by_people: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Counts and costs. All three costs are of the decided applications, so that they compare."""

    outcomes: Mapping[tuple[str, str], int]
    to_people: int
    decided: int
    cost: int
    approve_all: int
    decline_all: int

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


def report(ended: Iterable[Ended]) -> Report:
    found = list(ended)
    decided = [each for each in found if each.outcome in {"approved", "declined"}]
    return Report(
        outcomes=Counter((each.outcome, each.label) for each in found),
        to_people=sum(each.by_people for each in found),
        decided=len(decided),
        cost=sum(MATRIX.get((each.outcome, each.label), 0) for each in decided),
        approve_all=sum(MATRIX.get(("approved", each.label), 0) for each in decided),
        decline_all=sum(MATRIX.get(("declined", each.label), 0) for each in decided),
    )


def as_text(found: Report) -> str:
    lines = ["outcome         good   bad"]
    for outcome in sorted({outcome for outcome, _ in found.outcomes}):
        good, bad = (found.outcomes.get((outcome, label), 0) for label in ("good", "bad"))
        lines.append(f"{outcome:<14}{good:>6}{bad:>6}")
    share = found.to_people / found.total if found.total else 0
    lines += [
        f"applications  {found.total}",
        f"to people     {found.to_people} ({share:.1%})",
        f"decided       {found.decided}",
        f"cost          {found.cost}",
        f"approve all   {found.approve_all}",
        f"decline all   {found.decline_all}",
    ]
    return "\n".join(lines) + "\n"


def read_labels(path: Path) -> dict[str, str]:
    """Return the label of each idempotency key. Raises: ValueError, which names the line."""
    labels = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            start = json.loads(line)
            labels[start["idempotency_key"]] = start["label"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number}: no idempotency_key and label. "
                "Make the file with examples.consumer_loan.convert."
            ) from error
    return labels


def read_runs(flow: str, labels: Mapping[str, str]) -> list[Ended]:
    """Return how the labelled applications ended. One without a run is ``not started``."""
    # Below the set-up in main, which models need.
    from flows.models import Run, Wait

    runs = Run.objects.filter(flow__name=flow, idempotency_key__isnull=False)
    stands = {
        key: (pk, outcome or status)
        for pk, key, outcome, status in runs.values_list(
            "pk", "idempotency_key", "outcome", "status"
        )
        if key in labels
    }
    waits = Wait.objects.filter(run__flow__name=flow, kind="case")
    seen = set(waits.values_list("run_id", flat=True))
    missing = (0, "not started")
    return [
        Ended(label, stands.get(key, missing)[1], stands.get(key, missing)[0] in seen)
        for key, label in labels.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("applications", type=Path, help="the converter's JSON lines")
    parser.add_argument("--flow", default="consumer-loan")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    import django

    django.setup()
    try:
        labels = read_labels(options.applications)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(as_text(report(read_runs(options.flow, labels))))


if __name__ == "__main__":
    main()
