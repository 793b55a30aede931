from datetime import UTC, datetime, timedelta

import pytest

from reviews.rules.ordering import PRIORITIES, Ordering, rank, read_ordering

NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)


def place(ordering: Ordering = Ordering(), **facts: object) -> float:
    values = {"opened_at": NOW, "due_at": NOW + timedelta(hours=8), "priority": 3, "value": None}
    return rank(ordering, **{**values, **facts})  # type: ignore[arg-type]


def test_what_is_due_earlier_comes_first() -> None:
    assert place(due_at=NOW + timedelta(hours=1)) < place()


def test_a_step_of_priority_is_worth_its_weight_in_time() -> None:
    ordering = read_ordering({"priority": 3600})
    later = NOW + timedelta(hours=9)
    assert place(ordering, priority=PRIORITIES["high"], due_at=later) == place(ordering)


def test_by_age_alone_the_due_time_does_not_matter() -> None:
    ordering = read_ordering({"sla": 0})
    assert place(ordering, due_at=None) == place(ordering)
    assert place(ordering, opened_at=NOW - timedelta(minutes=1)) < place(ordering)


def test_more_at_stake_comes_first_where_the_queue_says_so() -> None:
    assert place(value=9000.0) == place(value=1.0)
    ordering = read_ordering({"value": 600})
    assert place(ordering, value=9000.0) < place(ordering, value=1000.0)


def test_without_a_promise_a_case_still_gets_its_turn() -> None:
    assert place(due_at=None) < place(due_at=NOW + timedelta(days=8))


@pytest.mark.parametrize("data", [{"age": 1}, {"sla": 2}])
def test_wrong_weights_are_refused(data: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        read_ordering(data)
