"""docs/resource-patterns.md and the tests that play the patterns agree."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (yes|no) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs/resource-patterns.md").read_text(encoding="utf-8"))
TESTS = (ROOT / "tests/integration/reviews/test_resource_patterns.py").read_text(encoding="utf-8")
PATTERNS, PROMISED = 43, 34


def test_the_table_goes_through_the_whole_catalogue() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, PATTERNS + 1))
    assert len({name for _, name, *_ in ROWS}) == PATTERNS


def test_each_supported_pattern_is_played_and_no_other() -> None:
    played = [int(number) for number in re.findall(r"^def test_(\d+)_", TESTS, re.MULTILINE)]
    supported = [int(number) for number, _, answer, _ in ROWS if answer == "yes"]
    assert played == supported
    assert len(supported) >= PROMISED
