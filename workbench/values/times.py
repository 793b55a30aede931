"""Read dates and times: with an offset, or in a stated zone; within bounds that can be computed."""

import re
from datetime import UTC, date, datetime, tzinfo

from workbench.values.refusals import ValueRefused

# Far enough from the ends of the calendar that any offset and any term can be added.
FIRST_YEAR, LAST_YEAR = 1000, 9000

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_TIME = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[Tt ](?P<clock>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-]\d{2}:\d{2})?",
    re.ASCII,
)


def read_date(text: str) -> date:
    """Return the day that ``2026-03-31`` names. Raises: ValueRefused."""
    found = _DATE.fullmatch(text.strip())
    try:
        day = date(*map(int, found.groups())) if found else None
    except ValueError:
        day = None
    if day is None:
        raise ValueRefused(f"{text!r} is not a date.", "Write it as 2026-03-31.")
    _check_year(day, text)
    return day


def is_date(text: str) -> bool:
    """Return whether the text is a day as an input for dates writes it."""
    try:
        return read_date(text).isoformat() == text
    except ValueRefused:
        return False


def read_instant(text: str, zone: tzinfo | None = None) -> datetime:
    """Return the instant, in UTC, that ``2026-03-31T09:00:00+02:00`` names.

    Without an offset it is local time in ``zone``. A local time that the clocks skip, or show
    twice, is refused, since it could mean two instants.

    Raises: ValueRefused, also where neither an offset nor a zone is given.
    """
    found = _TIME.fullmatch(text.strip())
    moment = _parsed(found) if found else None
    if moment is None:
        raise ValueRefused(
            f"{text!r} is not a date and time.", "Write it as 2026-03-31T09:00:00+02:00."
        )
    _check_year(moment.date(), text)
    if moment.tzinfo is None:
        if zone is None:
            raise ValueRefused(
                f"{text!r} does not say its offset from UTC.", "Add one, such as Z or +02:00."
            )
        moment = _localised(moment, zone, text)
    return moment.astimezone(UTC)


def format_local(text: str, zone: tzinfo) -> str:
    """Return an instant as an input for local times writes it, "" for what it cannot write."""
    try:
        local = read_instant(text).astimezone(zone).replace(tzinfo=None)
    except ValueRefused:
        return ""
    if local.microsecond:
        return ""
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _parsed(found: re.Match[str]) -> datetime | None:
    clock = found["clock"]
    if "." in clock:
        # More digits than microseconds are cut off, as databases do.
        clock = clock[: clock.index(".") + 7]
    offset = (found["offset"] or "").upper()
    try:
        return datetime.fromisoformat(f"{found['day']}T{clock}{offset}")
    except ValueError:
        return None


def _check_year(day: date, text: str) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueRefused(
            f"{text!r} is out of range.", f"Use a year from {FIRST_YEAR} to {LAST_YEAR}."
        )


def _localised(moment: datetime, zone: tzinfo, text: str) -> datetime:
    first, second = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        raise ValueRefused(
            f"The clocks in {zone} change at {text!r}, so that it does not name one instant.",
            "Add the offset from UTC, such as +02:00.",
        )
    return first
