"""``python -m bench.documents``: read 200 drawn and scanned papers, and print what came of it.

docs/documents.md has the figures and says what they mean.
"""

import argparse
import sys
from collections import defaultdict

from bench import machine
from bench.documents.measuring import Measured, measure
from bench.documents.papers import invent

THRESHOLDS = (0.8, 0.9, 0.95, 0.98)
MOST_LISTED = 40


def main() -> int:
    options = parse_arguments()
    papers = list(invent(options.count, options.seed))
    sys.stdout.write(f"{' · '.join(map(str, machine.describe().values()))}\n\n")
    measured = measure(papers, engine=options.engine, at_once=options.at_once)
    sys.stdout.write(write_report(measured))
    if options.wrong:
        sys.stdout.write(list_wrong(measured))
    return 0


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
        f"{measured.wall / papers:.2f} s a page, drawing and scanning included."
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
    wrong = sum(not each.is_right for each in sent)
    return f"| {threshold} | {papers} | {len(sent)} | {wrong} |"


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
