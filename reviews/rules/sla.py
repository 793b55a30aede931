"""Working-hours arithmetic and the plan of an SLA policy. Pure: no database, no clock.

Working time is real elapsed time inside opening hours. An hour that a zone skips in spring is not
worked; one that it repeats in autumn is worked twice.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

Json = Any
Span = tuple[datetime, datetime]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# A calendar that does not open for this long is a mistake; looking further would never end.
HORIZON_DAYS = 3660
MINUTES_A_DAY = 1440
_TIME = re.compile(r"([01]?[0-9]|2[0-3])(:[0-5][0-9])?|24(:00)?")


class CalendarNeverOpens(ValueError):
    """The calendar has no working hours ahead: give at least one weekday opening hours."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When people work. ``hours`` has seven entries, Monday first, each a tuple of
    (minute of the day it opens, minute it closes)."""

    time_zone: str = "UTC"
    hours: tuple[tuple[tuple[int, int], ...], ...] = (((0, 1440),),) * 7
    country: str = ""
    subdivision: str = ""
    closed: frozenset[date] = frozenset()

    def spans(self, day: date) -> Iterator[Span]:
        """Yield the opening hours of a local day as instants, in order."""
        if day in self.closed or day in _list_holidays(self.country, self.subdivision, day.year):
            return
        for opens, closes in self.hours[day.weekday()]:
            start, end = self._instant(day, opens), self._instant(day, closes)
            if start < end:
                yield start, end

    def localize(self, at: datetime) -> datetime:
        """Return the instant in the calendar's own zone."""
        return at.astimezone(ZoneInfo(self.time_zone))

    def find_holiday(self, day: date) -> str:
        """Return the name of the holiday, "Closed" on an extra day, "" on any other day."""
        if day in self.closed:
            return "Closed"
        return _list_holidays(self.country, self.subdivision, day.year).get(day, "")

    def _instant(self, day: date, minute: int) -> datetime:
        day += timedelta(days=minute // MINUTES_A_DAY)
        wall = datetime.combine(day, time(minute % MINUTES_A_DAY // 60, minute % 60))
        return wall.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)

    def _spans_from(self, start: datetime) -> Iterator[Span]:
        """Yield the opening hours after ``start``, in order. Raises: CalendarNeverOpens."""
        # Hours may run past midnight, so yesterday's can still be open.
        day = start.astimezone(ZoneInfo(self.time_zone)).date() - timedelta(days=1)
        for offset in range(HORIZON_DAYS):
            for opens, closes in self.spans(day + timedelta(days=offset)):
                if closes >= start:
                    yield max(opens, start), closes
        raise CalendarNeverOpens(
            f"The calendar in {self.time_zone} has no working hours in the next "
            f"{HORIZON_DAYS // 366} years: give at least one weekday opening hours."
        )

    def add(self, start: datetime, seconds: float) -> datetime:
        """Return the instant ``seconds`` of working time after ``start``, never outside hours.

        Raises: CalendarNeverOpens.
        """
        left = timedelta(seconds=seconds)
        for opens, closes in self._spans_from(start.astimezone(UTC)):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise AssertionError("unreachable: the spans end by an error")

    def between(self, start: datetime, end: datetime) -> float:
        """Return the seconds of working time from ``start`` to ``end``; 0 if it is not later."""
        if end <= start:
            return 0.0
        total = timedelta()
        for opens, closes in self._spans_from(start.astimezone(UTC)):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total.total_seconds()


@lru_cache(maxsize=512)
def _list_holidays(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    if not country:
        return {}
    return dict(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


def read_calendar(data: Mapping[str, Json]) -> Calendar:
    """Build a calendar from its stored form.

    ``{"time_zone", "hours": {"monday": [["09:00", "17:00"]], …}, "country", "subdivision",
    "closed": ["2026-12-24"]}``. Raises: ValueError naming what is wrong.
    """
    hours = data.get("hours") or {}
    if unknown := set(hours) - set(WEEKDAYS):
        raise ValueError(f"unknown weekday {sorted(unknown)[0]!r}: use {', '.join(WEEKDAYS)}")
    zone, country = data.get("time_zone") or "UTC", data.get("country") or ""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {zone!r}: use a name such as Europe/Berlin") from None
    try:
        _list_holidays(country, data.get("subdivision") or "", 2026)
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known for {country!r}: {error}") from None
    return Calendar(
        time_zone=zone,
        hours=tuple(_read_day_hours(day, hours.get(day) or ()) for day in WEEKDAYS),
        country=country,
        subdivision=data.get("subdivision") or "",
        closed=frozenset(date.fromisoformat(day) for day in data.get("closed") or ()),
    )


def find_calendar_problems(data: Mapping[str, Json]) -> dict[str, str]:
    """Return what is wrong with a calendar, by its field; ``data`` as ``read_calendar`` reads."""
    parts: tuple[tuple[str, ...], ...] = (
        ("time_zone",), ("hours",), ("country",), ("country", "subdivision"), ("closed",),
    )  # fmt: skip
    problems: dict[str, str] = {}
    for names in parts:
        try:
            read_calendar({name: data.get(name) for name in names})
        except ValueError as error:
            problems.setdefault(names[-1], f"{error}".capitalize() + ".")
    if wrong := next(filter(_is_no_time, _list_times(data.get("hours") or {})), None):
        problems.setdefault("hours", f"{wrong!r} is not a time of day: use 00:00 to 24:00.")
    if not problems:
        try:
            read_calendar(data).add(datetime(2026, 1, 1, tzinfo=UTC), 60)
        except CalendarNeverOpens as error:
            problems["hours"] = str(error)
    return problems


def _read_day_hours(day: str, spans: Json) -> tuple[tuple[int, int], ...]:
    if any(len(span) != 2 for span in spans):  # noqa: PLR2004 - a pair
        raise ValueError(f"the hours of {day} are pairs: when it opens, when it closes")
    minutes = tuple((_read_minute(opens), _read_minute(closes)) for opens, closes in spans)
    for index, (opens, closes) in enumerate(minutes):
        if opens >= closes or (index and opens < minutes[index - 1][1]):
            raise ValueError(f"the hours of {day} must be in order and not overlap")
    return minutes


def _list_times(hours: Mapping[str, Json]) -> Iterator[str]:
    return (str(time) for spans in hours.values() for span in spans or () for time in span)


def _is_no_time(text: str) -> bool:
    """Return True for what only calendars of earlier releases may have, such as ``09:60``."""
    return not _TIME.fullmatch(text)


def _read_minute(text: str) -> int:
    hour, _, minute = str(text).partition(":")
    value = int(hour) * 60 + int(minute or 0)
    if not 0 <= value <= MINUTES_A_DAY:
        raise ValueError(f"{text!r} is not a time of day: use 00:00 to 24:00")
    return value


WARN, REMIND, ESCALATE, BREACH = "warn", "remind", "escalate", "breach"
STEP_ACTS = (WARN, REMIND, ESCALATE)
BREACH_ACTIONS = ("reassign", "raise_priority", "expire")
HOLDER, LEAD = "holder", "lead"
PERSON, TO_QUEUE = "person:", "queue:"
MAX_STEPS = 12
# Ten years: whatever is due later is a mistake.
MAX_MINUTES = 10 * 366 * MINUTES_A_DAY


@dataclass(frozen=True, slots=True)
class Act:
    """What the clock does to a case, ``after_seconds`` of working time since it was opened.

    ``kind``: warn, remind, escalate, breach. ``to``: who hears of it, or the queue it goes to.
    """

    kind: str
    after_seconds: float
    to: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """An SLA policy as it was when the case was opened: later edits do not move a promise."""

    policy: str
    due_seconds: float
    breach: str
    acts: tuple[Act, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)


def find_policy_problems(data: Mapping[str, Json]) -> dict[str, str]:
    """Return what is wrong with a policy, by field: ``due_minutes``, ``steps``, ``breach``.

    ``data`` has these three as ``read_plan`` reads them. An approval is refused in every place
    where an act is named: silence never approves.
    """
    problems = {}
    due = data.get("due_minutes")
    if not _is_minutes(due):
        problems["due_minutes"] = "Give the working time until a case is due, such as 8h."
    steps = data.get("steps") or ()
    if len(steps) > MAX_STEPS:
        problems["steps"] = f"Give at most {MAX_STEPS} steps."
    for number, step in enumerate(steps, 1):
        if problem := _find_step_problem(step):
            problems.setdefault("steps", f"Step {number}: {problem}")
    if (breach := data.get("breach")) not in BREACH_ACTIONS:
        problems["breach"] = _describe_unknown_act(
            breach, "take it back, make it urgent or let it expire"
        )
    return problems


def _find_step_problem(step: Mapping[str, Json]) -> str:
    act, to = step.get("act"), step.get("to", "")
    if act not in STEP_ACTS:
        return _describe_unknown_act(act, "warn, remind or escalate")
    if not _is_minutes(step.get("after_minutes")):
        return "give the working time after which it is done, such as 4h."
    known = to in {"", HOLDER, LEAD} or (to.startswith(PERSON) and to != PERSON)
    if act == ESCALATE:
        known = to in {"", LEAD} or (to.startswith((PERSON, TO_QUEUE)) and not to.endswith(":"))
    return "" if known else f"{to!r} is nobody to turn to: choose who hears of it."


def _describe_unknown_act(act: Json, choices: str) -> str:
    if isinstance(act, str) and "appro" in act:
        return f"silence never approves: choose to {choices}."
    return f"choose to {choices}."


def _is_minutes(value: Json) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MAX_MINUTES
    )


def list_instants(plan: "Plan", opened_at: datetime) -> list[tuple[Act, datetime]]:
    """Return the acts with their instants, for a case opened then and never paused."""
    return [(act, plan.calendar.add(opened_at, act.after_seconds)) for act in plan.acts]


def read_plan(data: Mapping[str, Json]) -> Plan:
    """Build a plan from a case's stored snapshot (``SlaPolicy.snapshot``).

    Thousands of cases share a policy, and reading its calendar is most of what an act costs, so
    plans are cached by their text.
    """
    return _parse_plan(json.dumps(data, sort_keys=True, default=str))


@lru_cache(maxsize=512)
def _parse_plan(text: str) -> Plan:
    data = json.loads(text)
    due = float(data["due_minutes"]) * 60
    acts = [
        Act(step["act"], float(step["after_minutes"]) * 60, step.get("to", ""))
        for step in data.get("steps") or ()
    ]
    acts.append(Act("breach", due))
    # At one instant people are told before the breach takes the case away from them.
    acts.sort(key=lambda act: (act.after_seconds, act.kind == "breach"))
    return Plan(
        policy=data["policy"],
        due_seconds=due,
        breach=data["breach"],
        acts=tuple(acts),
        calendar=read_calendar(data["calendar"]),
    )


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """How much working time a case has used. ``running_since`` None: paused, others must act."""

    used_seconds: float = 0.0
    running_since: datetime | None = None

    def pause(self, plan: Plan, now: datetime) -> "Stopwatch":
        return Stopwatch(self.used(plan, now), None)

    def resume(self, now: datetime) -> "Stopwatch":
        return self if self.running_since else Stopwatch(self.used_seconds, now)

    def used(self, plan: Plan, now: datetime) -> float:
        if self.running_since is None:
            return self.used_seconds
        return self.used_seconds + plan.calendar.between(self.running_since, now)

    def find_instant(self, plan: Plan, after_seconds: float) -> datetime | None:
        """Return when the case will have used that much, None while it is paused."""
        if self.running_since is None:
            return None
        left = max(0.0, after_seconds - self.used_seconds)
        return plan.calendar.add(self.running_since, left)


def find_next_act(plan: Plan, watch: Stopwatch, done: int) -> tuple[Act, datetime | None] | None:
    """Return the first act not yet done and its instant; None when all are done."""
    if done >= len(plan.acts):
        return None
    act = plan.acts[done]
    return act, watch.find_instant(plan, act.after_seconds)


def compute_band(due_at: datetime | None, warn_at: datetime | None, now: datetime) -> str:
    """Return how the case stands: ``paused``, ``overdue``, ``due_soon`` or ``on_time``."""
    if due_at is None:
        return "paused"
    if now >= due_at:
        return "overdue"
    return "due_soon" if warn_at is not None and now >= warn_at else "on_time"
