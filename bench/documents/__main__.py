"""``python -m bench.documents``: read 200 drawn and scanned papers, and print what came of it.

The threshold is chosen on one half of them, and shown on the other half. docs/documents.md has the
figures and says what they mean.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from bench import machine
from bench.documents.choosing import UNSEEN_LAYOUT, choose_threshold, invent_halves
from bench.documents.measuring import Measured, Outcome, measure

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98)
MOST_LISTED = 40


def main() -> int:
    options = parse_arguments()
    sys.stdout.write(f"{' · '.join(map(str, machine.describe().values()))}\n\n")
    chosen_on, shown_on = (
        measure(half, engine=options.engine, at_once=options.at_once)
        for half in invent_halves(options.count, options.seed)
    )
    threshold = choose_threshold(chosen_on)
    sys.stdout.write(
        f"## Chosen on\n\n{write_report(chosen_on)}\n## Shown on\n\n{write_report(shown_on)}\n"
        f"{describe_choice(shown_on, threshold)}\n"
    )
    if options.wrong:
        sys.stdout.write(list_wrong(chosen_on) + list_wrong(shown_on))
    return 0


def describe_choice(shown_on: Measured, threshold: float | None) -> str:
    """Return what the threshold that was chosen on the other half does on this one."""
    if threshold is None:
        return "No threshold keeps to 1 wrong value in 200."
    sent = shown_on.send_on(threshold)
    unseen = [each for each in sent if each.paper.layout == UNSEEN_LAYOUT]
    return (
        f"Threshold {threshold}: of the {len(sent)} values sent on, {count_wrong(sent)} are wrong; "
        f"of the {len(unseen)} of the layout {UNSEEN_LAYOUT}, on which it was not chosen, "
        f"{count_wrong(unseen)}."
    )


def count_wrong(outcomes: Sequence[Outcome]) -> int:
    return sum(not each.is_right for each in outcomes)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.documents", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--engine", default="auto", help="auto, rapidocr, tesseract; text: no scan")
    parser.add_argument("--at-once", type=int, default=2, help="So many papers at the same time.")
    parser.add_argument("--wrong", action="store_true", help="List the values that are wrong.")
    return parser.parse_args()


def write_report(measured: Measured) -> str:
    """Return the figures as Markdown."""
    papers = len(measured.seconds)
    summary = (
        f"{papers} papers, {len(measured.outcomes)} fields, "
        f"{measured.accuracy:.2%} of them right. "
        f"Expected calibration error {measured.calibration_error:.4f}. "
        f"{measured.wall / papers:.2f} s a page, drawing and scanning included; "
        f"a paper by itself took {median(measured.seconds):.2f} s (median)."
    )
    lines = [
        summary,
        "",
        "| Confidence | Fields | Mean | Right |",
        "|---|---|---|---|",
        *(f"| {low:.2f} to {high:.2f} | {count} | {said:.3f} | {right:.3f} |"
          for low, high, count, said, right in measured.calibration()),
        "",
        "| Threshold | Papers sent on | Their values | Wrong |",
        "|---|---|---|---|",
        *(_describe_threshold(measured, threshold) for threshold in THRESHOLDS),
        "",
        "| | Fields right |",
        "|---|---|",
        *(f"| {name} | {right:.2%} |" for name, right in _share_right(measured).items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _describe_threshold(measured: Measured, threshold: float) -> str:
    sent = measured.send_on(threshold)
    papers = len({each.paper.number for each in sent})
    return f"| {threshold} | {papers} | {len(sent)} | {count_wrong(sent)} |"


def _share_right(measured: Measured) -> dict[str, float]:
    """Return the share of right fields by layout, font and field."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for each in measured.outcomes:
        for name in (each.paper.layout, each.paper.font, each.key):
            groups[name].append(each.is_right)
    return {name: sum(found) / len(found) for name, found in groups.items()}


def list_wrong(measured: Measured) -> str:
    wrong = [each for each in measured.outcomes if not each.is_right][:MOST_LISTED]
    return "\n" + "".join(
        f"{o.paper.number} {o.paper.layout} {o.key}: {o.found!r}, is {o.paper.values[o.key]!r}, "
        f"{o.confidence}\n" for o in wrong
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
