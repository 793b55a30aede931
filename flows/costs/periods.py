"""Of which days costs are shown: the last 7, 30 or 90, or from one day to another, in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date

CHOICES = (7, 30, 90)
USUAL = 30
LONGEST_DAYS = 366


class PeriodUnfit(ValueError):
    """The message says what is wrong with the days, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from ``first`` to ``last``, both included. ``chosen`` of CHOICES, 0 for others."""

    first: date
    last: date
    chosen: int = 0

    @property
    def days(self) -> list[date]:
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    @property
    def query(self) -> str:
        """How an address asks for it."""
        return f"days={self.chosen}" if self.chosen else f"from={self.first}&to={self.last}"


def last_days(count: int, now: datetime) -> Period:
    """Return so many days, of which today is the last."""
    today = now.astimezone(UTC).date()
    return Period(today - timedelta(days=count - 1), today, count if count in CHOICES else 0)


def read_period(asked: Mapping[str, str], now: datetime) -> Period:
    """Return the days that ``days``, or ``from`` and ``to``, ask for. Raises: PeriodUnfit."""
    if asked.get("from") or asked.get("to"):
        return _read_span(asked.get("from", ""), asked.get("to", ""), now)
    days = asked.get("days") or str(USUAL)
    if days not in map(str, CHOICES):
        raise PeriodUnfit("Ask for 7, 30 or 90 days, or from one day to another.")
    return last_days(int(days), now)


def _read_span(first_text: str, last_text: str, now: datetime) -> Period:
    today = now.astimezone(UTC).date()
    last = _read_day(last_text) if last_text else today
    first = _read_day(first_text) if first_text else last - timedelta(days=USUAL - 1)
    if first > last:
        raise PeriodUnfit("The first day is after the last. Write the earlier one first.")
    if (last - first).days >= LONGEST_DAYS:
        raise PeriodUnfit(f"That is over {LONGEST_DAYS} days. Ask for fewer.")
    return Period(first, last)


def _read_day(text: str) -> date:
    try:
        return read_date(text)
    except ValueRefused as error:
        raise PeriodUnfit(f"{text[:40]!r} is no day: write it as 2026-03-31.") from error
