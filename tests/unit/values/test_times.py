"""A time names one instant, or is refused."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date, read_instant

BERLIN = ZoneInfo("Europe/Berlin")


def test_an_offset_is_part_of_the_time() -> None:
    assert read_instant("2026-03-31T09:00:00+02:00") == datetime(2026, 3, 31, 7, tzinfo=UTC)
    assert read_instant("2026-03-31t07:00z") == datetime(2026, 3, 31, 7, tzinfo=UTC)
    assert read_instant("2026-03-31 07:00:00.123456789Z").microsecond == 123456


def test_a_local_time_is_that_of_the_stated_zone() -> None:
    assert read_instant("2026-07-01T10:00", BERLIN) == datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_local_time_that_the_clocks_skip_or_repeat_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused, match="change"):
        read_instant(text, BERLIN)


@pytest.mark.parametrize(
    "text",
    ["", "banana", "2026-03-31", "2026-03-31T09:60Z", "2026-02-30T09:00Z", "0001-01-01T00:00Z",
     "9999-12-31T23:59:59-12:00", "2026-03-31T09:00", "20260331T0900Z", "٢٠٢٦-03-31T09:00Z"],
)  # fmt: skip
def test_what_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused):
        read_instant(text)


@pytest.mark.parametrize("text", ["", "2026-3-1", "2026-02-30", "0001-01-01", "2026-01-01T00:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused):
        read_date(text)


def test_a_date_is_read() -> None:
    assert read_date(" 2026-02-28 ") == date(2026, 2, 28)


@given(st.datetimes(datetime(1000, 1, 2), datetime(9000, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert read_instant(moment.isoformat()) == moment
