"""What came of each tier of tests: read its report, and sum all of them up."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tools.tiers import Tier


@dataclass
class Outcome:
    """How many tests of a tier passed, failed and were skipped. ``reasons`` say why."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return f"{self.tier:<36}{counts:<40}{self.seconds:6.1f} s"


def read_report(tier: Tier, report: Path, output: str, outcome: Outcome) -> None:
    """Add the counts to the outcome: from node's output, or from the report that pytest wrote."""
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


def summarize(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print the table and the final line; return the exit code."""
    print("\n" + "=" * 84)
    for outcome in outcomes:
        print(outcome)
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
