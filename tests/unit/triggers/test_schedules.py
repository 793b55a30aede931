"""When a schedule is due: zones, summer time, missed instants."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.triggers.schedules import GRACE, Schedule, ScheduleInvalid

BERLIN = ZoneInfo("Europe/Berlin")


def instants(schedule: Schedule, begin: datetime, count: int) -> list[str]:
    """Return the next instants as Berlin's clocks show them."""
    found, at = [], begin
    for _ in range(count):
        at = schedule.after(at)
        found.append(at.astimezone(BERLIN).isoformat())
    return found


def test_a_fixed_hour_that_the_clocks_skip_runs_right_after_the_gap() -> None:
    nightly = Schedule("30 2 * * *", "Europe/Berlin")
    assert instants(nightly, datetime(2026, 3, 28, 12, tzinfo=BERLIN), 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_a_fixed_hour_that_the_clocks_repeat_runs_once() -> None:
    nightly = Schedule("30 2 * * *", "Europe/Berlin")
    assert instants(nightly, datetime(2026, 10, 24, 12, tzinfo=BERLIN), 2) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]


def test_every_half_hour_runs_by_the_clock_in_both_repeated_hours_and_not_in_the_gap() -> None:
    often = Schedule("*/30 * * * *", "Europe/Berlin")
    assert instants(often, datetime(2026, 10, 25, 1, 40, tzinfo=BERLIN), 5) == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
    assert instants(often, datetime(2026, 3, 29, 1, 10, tzinfo=BERLIN), 2) == [
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
    ]


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, 10, hour, minute, second, tzinfo=UTC)


def test_a_schedule_that_is_on_time_fires_whatever_the_policy() -> None:
    for policy in ("skip", "once", "all"):
        due = Schedule("0 * * * *", missed=policy).due(at(10), at(10, 0, 1))
        assert (due.fire, due.missed_from, due.next_at) == ((at(10),), None, at(11))


@pytest.mark.parametrize(
    ("policy", "most", "fired"),
    [("skip", 10, []), ("once", 10, [14]), ("all", 10, [10, 11, 12, 13, 14]), ("all", 2, [13, 14])],
)
def test_after_an_outage_the_policy_decides(policy: str, most: int, fired: list[int]) -> None:
    due = Schedule("0 * * * *", missed=policy, most=most).due(at(10), at(14, 30))
    assert due.fire == tuple(at(hour) for hour in fired)
    assert due.missed_from == (None if len(fired) == 5 else at(10))
    assert due.next_at == at(15)


def test_the_skip_policy_still_fires_an_instant_that_is_only_just_late() -> None:
    due = Schedule("0 * * * *").due(at(10), at(14) + GRACE)
    assert (due.fire, due.missed_from) == ((at(14),), at(10))


def test_a_long_outage_is_not_counted_through() -> None:
    """Ten years of minutes: the newest are found from the end."""
    due = Schedule("* * * * *", missed="all", most=3).due(at(10) - timedelta(days=3650), at(10))
    assert due.fire == (at(9, 58), at(9, 59), at(10))


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("61 * * * *", "UTC", "not a cron line"),
        ("every day", "UTC", "not a cron line"),
        ("0 7 * * *", "Mars/Olympus", "no time zone"),
        ("0 7 30 2 *", "UTC", "cron line|never"),
    ],
)
def test_what_is_wrong_is_said(cron: str, zone: str, said: str) -> None:
    with pytest.raises(ScheduleInvalid, match=said):
        Schedule(cron, zone).after(at(10))


@pytest.mark.parametrize(
    ("cron", "begin", "wanted"),
    [
        # At 2:00 the clocks are put forward to 2:30, which is 15:30 in UTC.
        ("0 */3 * * *", datetime(2025, 10, 4, 13, 30, tzinfo=UTC), ["16:00", "19:00"]),
        ("40 * * * *", datetime(2025, 10, 4, 14, 50, tzinfo=UTC), ["15:10", "15:40", "16:40"]),
        # At 2:00 they are put back to 1:30, which is 15:00 in UTC.
        ("0 */3 * * *", datetime(2026, 4, 4, 13, 30, tzinfo=UTC), ["16:30", "19:30"]),
        ("45 */1 * * *", datetime(2026, 4, 4, 14, 10, tzinfo=UTC), ["14:45", "15:15", "16:15"]),
    ],
)
def test_clocks_that_move_by_half_an_hour_skip_no_instant(
    cron: str, begin: datetime, wanted: list[str]
) -> None:
    schedule, found, at = Schedule(cron, "Australia/Lord_Howe"), [], begin
    for _ in wanted:
        at = schedule.after(at)
        found.append(at.strftime("%H:%M"))
    assert found == wanted


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15 1,2,3 * * *", "0 0 1 * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 40),
)
@example("0 */3 * * *", "Australia/Lord_Howe", datetime(2025, 10, 4, 11, tzinfo=UTC), 7)
@example("15-45/30 * * * *", "Australia/Lord_Howe", datetime(2025, 10, 4, 11, tzinfo=UTC), 7)
@example("40 * * * *", "Australia/Lord_Howe", datetime(2025, 10, 4, 11, tzinfo=UTC), 7)
@example("45 */1 * * *", "Australia/Lord_Howe", datetime(2026, 4, 4, 11, tzinfo=UTC), 7)
@settings(deadline=None)
def test_stepping_finds_what_looking_back_finds(
    cron: str, zone: str, begin: datetime, hours: int
) -> None:
    """However often the clock looks, each instant is fired once and none early."""
    schedule = Schedule(cron, zone, "all", 1000)
    first, end = schedule.after(begin), begin + timedelta(hours=hours)
    fired: list[datetime] = []
    following, now = first, first
    while following <= end:
        now = max(now, following) + timedelta(seconds=20)
        due = schedule.due(following, now)
        assert all(instant <= now for instant in due.fire)
        fired += due.fire
        following = due.next_at
    assert all(a < b for a, b in pairwise(fired))
    at_once = schedule.due(first, end).fire if first <= end else ()
    assert [i for i in fired if i <= end] == list(at_once)
