"""docs/patterns.md, the documents and the plays agree."""

import re

from tests.integration.patterns.plays import PLAYS
from tests.integration.patterns.stage import CALLED, FOLDER, pattern_files

TEXT = (FOLDER.parents[1] / "docs/patterns.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (?P<number>\d+) \| (?P<name>[^|]+) \| (?P<supported>yes|partly|no) "
    r"\| (\[(?P<stem>[\w-]+)\]\((?P<path>[^)]+)\))? \| (`(?P<play>\w+)`)? \|$",
    re.MULTILINE,
)
ROWS = list(ROW.finditer(TEXT))
PATTERNS = 43


def test_the_table_goes_through_the_whole_catalogue() -> None:
    assert [int(row["number"]) for row in ROWS] == list(range(1, PATTERNS + 1))
    assert len({row["name"] for row in ROWS}) == PATTERNS


def test_every_supported_pattern_has_its_document_and_its_play() -> None:
    for row in ROWS:
        number = int(row["number"])
        if row["supported"] == "no":
            assert (row["stem"], row["play"], number in PLAYS) == (None, None, False)
            continue
        assert row["stem"].startswith(f"{number:02}-")
        assert (
            FOLDER.parents[1] / "docs" / row["path"]
        ).resolve() == FOLDER / f"{row['stem']}.yaml"
        assert row["play"] == PLAYS[number].__name__


def test_no_document_and_no_play_is_left_out() -> None:
    assert {row["stem"] for row in ROWS} - {None} == {path.stem for path in pattern_files()}
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {
        *(path.stem for path in pattern_files()),
        *CALLED,
    }
    assert {int(row["number"]) for row in ROWS if row["play"]} == set(PLAYS)


def test_the_docs_explain_every_pattern() -> None:
    explained = TEXT.split("## How each is said")[1]
    lists = re.findall(r"(?<![\w-])((?:\d+, )*\d+): ", re.sub(r"\*Limit[^\n]*", "", explained))
    named = {int(number) for numbers in lists for number in numbers.split(", ")}
    assert named == set(range(1, PATTERNS + 1))


def test_the_docs_state_the_right_number_of_patterns() -> None:
    assert len([row for row in ROWS if row["supported"] == "yes"]) == PATTERNS
    assert "All 43 are supported." in TEXT
