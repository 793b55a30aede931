from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.rules.sla import (
    Calendar,
    CalendarNeverOpens,
    Stopwatch,
    compute_band,
    find_calendar_problems,
    find_next_act,
    find_policy_problems,
    read_calendar,
    read_plan,
)

FIVE_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = {"hours": {day: [["09:00", "17:00"]] for day in FIVE_DAYS}}
BERLIN = read_calendar(
    {**OFFICE, "time_zone": "Europe/Berlin", "country": "DE", "subdivision": "BE"}
)
NEW_YORK = read_calendar(
    {
        "time_zone": "America/New_York",
        "hours": {
            "monday": [["08:30", "12:00"], ["13:00", "18:15"]],
            "saturday": [["22:00", "24:00"]],
            "sunday": [["00:00", "05:00"]],
        },
        "closed": ["2026-11-02"],
    }
)
CALENDARS = st.sampled_from([BERLIN, NEW_YORK, Calendar()])
INSTANTS = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
SECONDS = st.integers(0, 40 * 3600)


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type]


@given(CALENDARS, INSTANTS, SECONDS, SECONDS)
def test_adding_in_pieces_equals_adding_at_once(
    calendar: Calendar, start: datetime, first: int, second: int
) -> None:
    assert calendar.add(calendar.add(start, first), second) == calendar.add(start, first + second)


@given(CALENDARS, INSTANTS, SECONDS)
def test_nothing_is_due_outside_hours(calendar: Calendar, start: datetime, seconds: int) -> None:
    due = calendar.add(start, seconds)
    local = due.astimezone(ZoneInfo(calendar.time_zone)).date()
    days = (local - timedelta(days=1), local)
    assert any(opens <= due <= closes for day in days for opens, closes in calendar.spans(day))


@given(CALENDARS, INSTANTS, SECONDS)
def test_the_working_time_between_is_the_inverse_of_adding_it(
    calendar: Calendar, start: datetime, seconds: int
) -> None:
    assert calendar.between(start, calendar.add(start, seconds)) == seconds


@given(CALENDARS, INSTANTS, SECONDS, SECONDS)
def test_a_case_that_opens_later_is_never_due_earlier(
    calendar: Calendar, start: datetime, less: int, more: int
) -> None:
    low, high = sorted((less, more))
    assert calendar.add(start, low) <= calendar.add(start, high)


def test_four_hours_from_friday_at_four_are_due_on_monday_at_noon() -> None:
    # 2026-05-08 is a Friday.
    assert BERLIN.add(berlin(2026, 5, 8, 16), 4 * 3600) == berlin(2026, 5, 11, 12)


def test_a_case_that_comes_at_night_counts_from_the_morning() -> None:
    assert BERLIN.add(berlin(2026, 5, 5, 23), 3600) == berlin(2026, 5, 6, 10)


def test_holidays_of_the_state_and_days_of_the_house_are_closed() -> None:
    # Good Friday to Easter Monday 2026; Epiphany is none in Berlin.
    assert BERLIN.add(berlin(2026, 4, 2, 16), 2 * 3600) == berlin(2026, 4, 7, 10)
    assert BERLIN.add(berlin(2026, 1, 6, 9), 3600) == berlin(2026, 1, 6, 10)
    assert not list(NEW_YORK.spans(date(2026, 11, 2)))


def test_the_skipped_hour_of_spring_is_not_worked_and_the_repeated_one_is_twice() -> None:
    nights = read_calendar(
        {"time_zone": "Europe/Berlin", "hours": {"sunday": [["00:00", "06:00"]]}}
    )
    assert nights.between(berlin(2026, 3, 29), berlin(2026, 3, 30)) == 5 * 3600
    assert nights.between(berlin(2026, 10, 25), berlin(2026, 10, 26)) == 7 * 3600
    assert nights.between(berlin(2026, 10, 18), berlin(2026, 10, 19)) == 6 * 3600


def test_a_calendar_that_never_opens_says_so() -> None:
    with pytest.raises(CalendarNeverOpens, match="give at least one weekday"):
        read_calendar({}).add(datetime(2026, 1, 1, tzinfo=UTC), 60)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"time_zone": "Mars/Olympus"}, "unknown time zone"),
        ({"hours": {"montag": []}}, "unknown weekday"),
        ({"hours": {"monday": [["17:00", "09:00"]]}}, "in order"),
        ({"hours": {"monday": [["09:00", "25:00"]]}}, "not a time of day"),
        ({"country": "XX"}, "no holidays are known"),
    ],
)
def test_a_wrong_calendar_names_what_is_wrong(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_calendar(data)


@pytest.mark.parametrize("time", ["09:60", "9:5", "24:01", "-1", "09:00:00", " 9:00", "9h", ""])
def test_a_time_that_no_clock_shows_is_refused(time: str) -> None:
    problems = find_calendar_problems({"hours": {"monday": [[time, "23:00"]]}})
    assert set(problems) == {"hours"}


@pytest.mark.parametrize("time", ["09:00", "9:00", "9", "0", "22:59"])
def test_a_time_of_day_may_be_short(time: str) -> None:
    hours = {"monday": [[time, "23:00"]], "tuesday": [["23:00", "24:00"]]}
    assert find_calendar_problems({"hours": hours}) == {}


def test_a_calendar_of_an_earlier_release_is_still_read() -> None:
    assert read_calendar({"hours": {"monday": [["09:60", "17:00"]]}}).hours[0] == ((600, 1020),)


PLAN = read_plan(
    {
        "policy": "standard",
        "due_minutes": 480,
        "breach": "raise_priority",
        "calendar": {**OFFICE, "time_zone": "Europe/Berlin"},
        "steps": [
            {"act": "escalate", "after_minutes": 480, "to": "lead"},
            {"act": "warn", "after_minutes": 240},
            {"act": "remind", "after_minutes": 360, "to": "holder"},
        ],
    }
)


def test_acts_come_in_order_and_the_breach_last_at_its_instant() -> None:
    assert [act.kind for act in PLAN.acts] == ["warn", "remind", "escalate", "breach"]
    watch = Stopwatch(0, berlin(2026, 5, 5, 9))
    assert find_next_act(PLAN, watch, 0) == (PLAN.acts[0], berlin(2026, 5, 5, 13))
    assert find_next_act(PLAN, watch, 4) is None


def test_a_pause_moves_every_instant_by_the_working_time_it_took() -> None:
    watch = Stopwatch(0, berlin(2026, 5, 5, 9)).pause(PLAN, berlin(2026, 5, 5, 11))
    assert watch.find_instant(PLAN, 3600) is None
    resumed = watch.resume(berlin(2026, 5, 6, 10))
    assert resumed.used(PLAN, berlin(2026, 5, 6, 11)) == 3 * 3600
    assert resumed.find_instant(PLAN, PLAN.due_seconds) == berlin(2026, 5, 6, 16)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 90_000)), max_size=5))
def test_the_time_used_does_not_depend_on_how_often_the_clock_is_paused(
    spans: list[tuple[int, int]],
) -> None:
    now, watch, worked = berlin(2026, 5, 5, 9), Stopwatch(), 0.0
    for running, pausing in spans:
        watch = watch.resume(now)
        worked += PLAN.calendar.between(now, now + timedelta(seconds=running))
        now += timedelta(seconds=running)
        watch = watch.pause(PLAN, now)
        now += timedelta(seconds=pausing)
    assert watch.used_seconds == pytest.approx(worked)


def test_the_band_tells_how_close_a_case_is_to_its_due_time() -> None:
    now = berlin(2026, 5, 5, 12)
    hour = timedelta(hours=1)
    assert compute_band(None, None, now) == "paused"
    assert compute_band(now, now - hour, now) == "overdue"
    assert compute_band(now + hour, now, now) == "due_soon"
    assert compute_band(now + hour, None, now) == "on_time"


POLICY = {"due_minutes": 480, "steps": [], "breach": "raise_priority"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"due_minutes": 0}, "due_minutes"),
        ({"due_minutes": True}, "due_minutes"),
        ({"breach": "approve"}, "breach"),
        ({"breach": "approved"}, "breach"),
        ({"steps": [{"act": "approve", "after_minutes": 5}]}, "steps"),
        ({"steps": [{"act": "warn", "after_minutes": -5}]}, "steps"),
        ({"steps": [{"act": "remind", "after_minutes": 5, "to": "queue:seniors"}]}, "steps"),
        ({"steps": [{"act": "escalate", "after_minutes": 5, "to": "holder"}]}, "steps"),
        ({"steps": [{"act": "warn", "after_minutes": 5}] * 13}, "steps"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(change: dict[str, Any], field: str) -> None:
    assert set(find_policy_problems(POLICY | change)) == {field}


def test_an_automatic_approval_is_refused_in_words() -> None:
    for change in ({"breach": "approve"}, {"steps": [{"act": "approve", "after_minutes": 1}]}):
        assert "silence never approves" in str(find_policy_problems(POLICY | change))


def test_a_chain_of_escalations_is_a_policy() -> None:
    steps = [
        {"act": "escalate", "after_minutes": 10, "to": "lead"},
        {"act": "escalate", "after_minutes": 20, "to": "queue:seniors"},
        {"act": "escalate", "after_minutes": 30, "to": "person:lea"},
    ]
    assert find_policy_problems(POLICY | {"steps": steps}) == {}
