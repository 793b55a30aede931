"""Lines that go by the clock on the wall, against a look at each minute of the days of a change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.triggers.wall_clock import WallClockCron

MINUTE = timedelta(minutes=1)
# The zone, and an instant in the hours before its clocks are put forward or back.
CHANGES = [
    ("Australia/Lord_Howe", datetime(2025, 10, 4, 9, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 9, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 28, 20, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 20, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 18, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, 16, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 3, 8, 0, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 11, 1, 0, tzinfo=UTC)),
]
LINES = ["*/7 * * * *", "0 */3 * * *", "45 */1 * * *", "40 * * * *", "*/20 2 * * *", "0 */3 1 * *"]


def look_at_each_minute(cron: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    line = WallClockCron(cron, begin)
    found, at = [], begin
    while (at := at + MINUTE) <= end:
        shown = at.astimezone(ZoneInfo(zone))
        if (
            shown.minute in line.minutes
            and shown.hour in line.hours
            and line.match_day(shown.date())
        ):
            found.append(at)
    return found


@pytest.mark.parametrize("cron", LINES)
@pytest.mark.parametrize(("zone", "begin"), CHANGES)
def test_both_directions_find_each_minute_that_the_clock_shows(
    cron: str, zone: str, begin: datetime
) -> None:
    end, there = begin + timedelta(hours=26), ZoneInfo(zone)
    wanted = look_at_each_minute(cron, zone, begin, end)
    ahead = WallClockCron(cron, begin.astimezone(there))
    assert [next(ahead).astimezone(UTC) for _ in wanted] == wanted
    assert next(ahead).astimezone(UTC) > end
    back = WallClockCron(cron, (end + MINUTE).astimezone(there), reverse=True)
    assert [next(back).astimezone(UTC) for _ in wanted] == wanted[::-1]
    assert next(back).astimezone(UTC) <= begin
