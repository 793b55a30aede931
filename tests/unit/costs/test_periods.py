"""Of which days costs are shown."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from flows.costs.periods import PeriodUnfit, last_days, read_period

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def test_thirty_days_until_today_are_shown_unless_others_are_asked_for() -> None:
    period = read_period({}, NOW)
    assert (period.first, period.last, period.chosen) == (date(2026, 2, 9), date(2026, 3, 10), 30)
    assert len(period.days) == 30
    assert len(read_period({"days": "7"}, NOW).days) == 7


def test_today_is_that_of_utc() -> None:
    late = datetime(2026, 3, 10, 22, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert last_days(7, late).last == date(2026, 3, 11)


def test_both_ends_belong_to_a_period() -> None:
    period = read_period({"from": "2026-03-01", "to": "2026-03-02"}, NOW)
    assert period.days == [date(2026, 3, 1), date(2026, 3, 2)]
    assert period.starts_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert period.ends_at == datetime(2026, 3, 3, tzinfo=UTC)
    assert read_period({"from": "2026-03-01"}, NOW).last == date(2026, 3, 10)
    assert period.query == "from=2026-03-01&to=2026-03-02"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"days": "8"}, "7, 30 or 90"),
        ({"days": "x"}, "7, 30 or 90"),
        ({"from": "yesterday"}, "'yesterday' is no day"),
        ({"from": "2026-02-30"}, "is no day"),
        ({"to": "0001-01-01"}, "is no day"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "earlier one first"),
        ({"from": "2025-01-01", "to": "2026-03-01"}, "over 366 days"),
    ],
)
def test_days_that_cannot_be_shown_are_refused_with_what_to_write(
    asked: dict[str, str], said: str
) -> None:
    with pytest.raises(PeriodUnfit, match=said):
        read_period(asked, NOW)
