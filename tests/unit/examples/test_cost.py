from pathlib import Path

import pytest

from examples.consumer_loan.cost import Ended, as_text, read_labels, report


def test_costs_follow_the_matrix_and_compare_the_same_applications() -> None:
    found = report(
        [
            Ended("bad", "approved", by_people=False),
            Ended("good", "approved", by_people=True),
            Ended("good", "declined", by_people=True),
            Ended("bad", "declined", by_people=False),
            Ended("bad", "running", by_people=True),
        ]
    )
    assert (found.total, found.decided, found.to_people) == (5, 4, 3)
    assert (found.cost, found.approve_all, found.decline_all) == (6, 10, 2)
    assert "to people     3 (60.0%)" in as_text(found)


def test_without_applications_the_cost_is_zero() -> None:
    assert as_text(report([])).endswith("decline all   0\n")


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"idempotency_key": "a"}'])
def test_a_line_without_a_label_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "starts.jsonl"
    path.write_text(f'{{"idempotency_key": "a", "label": "bad"}}\n{line}\n')
    with pytest.raises(ValueError, match="line 2"):
        read_labels(path)
