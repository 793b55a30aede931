"""What the benchmark reports: medians, their spread, and ratios of what was measured in turn."""

from pathlib import Path

import pytest

from bench.figures import Sheet, percentile, write_page


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> Sheet:
    monkeypatch.setattr("bench.machine.load", lambda: 1.5)
    return Sheet()


def test_the_median_counts_and_the_spread_is_shown(sheet: Sheet) -> None:
    for value in (300.0, 5000.0, 400.0):
        sheet.add("W1", "ours", {"steps": (value, "/s")}, 0.5)

    [figure] = sheet.figures.values()

    assert figure.row() == ("| W1 | ours | steps | **400** /s | 300 to 5,000 | 3 | 0.5 → 1.5 |")


def test_a_ratio_is_the_median_of_pairs_measured_in_turn(sheet: Sheet) -> None:
    for mine, other in ((100.0, 10.0), (10.0, 5.0), (60.0, 10.0)):
        sheet.add("W1", "ours", {"steps": (mine, "/s")}, 0)
        sheet.add("W1", "theirs", {"steps": (other, "/s")}, 0)

    assert sheet.compare("W1", "steps", "ours", more_is_better=True) == [
        "| W1 steps | theirs | **6.0** | 2.0 to 10.0 |"
    ]


def test_where_less_is_better_the_ratio_is_turned_round(sheet: Sheet) -> None:
    sheet.add("W2", "ours", {"p50": (2.0, "ms")}, 0)
    sheet.add("W2", "theirs", {"p50": (8.0, "ms")}, 0)

    [line] = sheet.compare("W2", "p50", "ours", more_is_better=False)

    assert "**4.0**" in line


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([3.0, 1.0], 0.99) == 3.0


def test_a_sheet_has_the_machine_the_ratios_the_growth_and_what_was_not_measured(
    sheet: Sheet,
) -> None:
    sheet.add("W1", "ours", {"steps": (1.0, "/s")}, 0)
    sheet.note("Theirs could not be measured.")

    text = sheet.markdown({"CPU": "two cores"}, ["| a ratio |"], ["| a share |"])

    parts = [
        "- CPU: two cores",
        "| W1 | ours |",
        "| a ratio |",
        "| a share |",
        "- Theirs could not",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_new_sitting_replaces_the_one_before_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- sitting -->\nold\n<!-- /sitting -->\nafter\n")

    write_page(page, "new\n")

    assert page.read_text() == "before\n<!-- sitting -->\nnew\n<!-- /sitting -->\nafter\n"
