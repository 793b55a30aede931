"""Values of FEEL: what JSON becomes on its way into a table, and back.

Numbers are decimals, exactly as they were written. Dates, times and durations are told from text by
the type of their column. A duration of days and time and one of years and months are two types, as
no number of days is a month.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from math import isfinite
from typing import Any

from workbench.values.checking import MAX_INTEGER

Json = Any
Value = Any

# As decimal128, which the standard names. Nothing is trapped: what has no value is null.
ARITHMETIC = Context(prec=34, traps=[])
TYPES = (
    "number", "integer", "string", "boolean", "date", "time", "date and time",
    "days and time duration", "years and months duration", "any",
)  # fmt: skip

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = r"\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})?"
_TIME = re.compile(_CLOCK, re.ASCII)
_DATE_TIME = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{_CLOCK}", re.ASCII)
_DAYS = re.compile(
    r"(-)?P(?=.)(?:(\d{1,9})D)?(?:T(?=.)(?:(\d{1,8})H)?(?:(\d{1,9})M)?"
    r"(?:(\d{1,10}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
_MONTHS = re.compile(r"(-)?P(?=.)(?:(\d{1,6})Y)?(?:(\d{1,7})M)?", re.ASCII)
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@dataclass(frozen=True, slots=True, order=True)
class Months:
    """A duration of years and months."""

    count: int


def read_typed(text: str, kind: str) -> Value:
    """Return the value that a text names for a type of dates, times or durations, else None."""
    try:
        return _READERS[kind](text)
    except (ValueError, OverflowError):
        return None


def _read_date(text: str) -> Value:
    return date.fromisoformat(text) if _DATE.fullmatch(text) else None


def _read_time(text: str) -> Value:
    return time.fromisoformat(text) if _TIME.fullmatch(text) else None


def _read_date_time(text: str) -> Value:
    return datetime.fromisoformat(text) if _DATE_TIME.fullmatch(text) else None


def _read_days(text: str) -> Value:
    found = _DAYS.fullmatch(text)
    if found is None:
        return None
    sign, days, hours, minutes, seconds = found.groups()
    size = timedelta(
        days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0),
        microseconds=int(Decimal(seconds or 0) * 1_000_000),
    )  # fmt: skip
    return -size if sign else size


def _read_months(text: str) -> Value:
    found = _MONTHS.fullmatch(text)
    if found is None:
        return None
    sign, years, months = found.groups()
    count = int(years or 0) * 12 + int(months or 0)
    return Months(-count if sign else count)


_READERS = {
    "date": _read_date,
    "time": _read_time,
    "date and time": _read_date_time,
    "days and time duration": _read_days,
    "years and months duration": _read_months,
}
TEXTUAL = frozenset(_READERS)


def from_json(value: Json) -> Value:
    """Return a value of a run as FEEL has it: its numbers as decimals, else as it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {key: from_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [from_json(each) for each in value]
    return value


def to_json(value: Value) -> Json:
    """Return a value as plain JSON. A whole decimal is an integer, dates and durations are text.

    A number that JSON cannot hold is null.
    """
    if isinstance(value, Decimal):
        return _number_to_json(value)
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if value is None or isinstance(value, bool | str):
        return value
    return to_text(value)


def _number_to_json(number: Decimal) -> Json:
    if abs(number) <= MAX_INTEGER and number == number.to_integral_value():
        return int(number)
    found = float(number)
    return found if isfinite(found) else None


def to_text(value: Value) -> str:
    """Return a value as text, as the function ``string`` gives it."""
    if isinstance(value, Decimal):
        return format_number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return _format_days(value)
    if isinstance(value, Months):
        return _format_months(value)
    if isinstance(value, datetime | time | date):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def format_number(number: Decimal) -> str:
    """Return a decimal without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _format_days(size: timedelta) -> str:
    sign, size = ("-", -size) if size < timedelta() else ("", size)
    hours, rest = divmod(size.seconds, _HOUR)
    minutes, seconds = divmod(rest, _MINUTE)
    exact = Decimal(seconds) + Decimal(size.microseconds) / 1_000_000
    clock = "".join(
        f"{format_number(Decimal(each))}{unit}"
        for each, unit in ((hours, "H"), (minutes, "M"), (exact, "S"))
        if each
    )
    days = f"{size.days}D" if size.days else ""
    return f"{sign}P{days}{'T' + clock if clock else ''}" if days or clock else "PT0S"


def _format_months(size: Months) -> str:
    years, months = divmod(abs(size.count), 12)
    text = (f"{years}Y" if years else "") + (f"{months}M" if months else "")
    return f"{'-' if size.count < 0 else ''}P{text or '0M'}"


def to_literal(value: Value) -> str:
    """Return the FEEL text that stands for a value."""
    if value is None:
        return "null"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped.replace(chr(9), chr(92) + "t").replace(chr(13), chr(92) + "r")}"'
    if isinstance(value, list):
        return f"[{', '.join(map(to_literal, value))}]"
    if (kind := kind_of(value)) in TEXTUAL:
        name = "duration" if "duration" in kind else kind
        return f'{name}("{to_text(value)}")'
    return to_text(value)


def kind_of(value: Value) -> str:  # noqa: PLR0911 - a table of types
    """Return the type of a value by its name in FEEL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Decimal):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, datetime):
        return "date and time"
    if isinstance(value, date):
        return "date"
    if isinstance(value, time):
        return "time"
    if isinstance(value, timedelta):
        return "days and time duration"
    if isinstance(value, Months):
        return "years and months duration"
    return "list" if isinstance(value, list) else "context"


def fits(value: Value, kind: str) -> bool:
    """Return whether a value is of a type of column; null is of each."""
    if value is None or kind == "any":
        return True
    if kind == "integer":
        return isinstance(value, Decimal) and value == value.to_integral_value()
    return kind_of(value) == kind


def coerce(value: Json, kind: str) -> Value:
    """Return a value of a run as one of the column's type. Raises: ValueError.

    Text is taken for a date, a time or a duration where the column has that type.
    """
    found = from_json(value)
    if isinstance(found, str) and kind in TEXTUAL:
        found = read_typed(found, kind)
        if found is None:
            raise ValueError(f"{value!r} is no {kind}")
    if isinstance(found, Decimal) and not found.is_finite():
        raise ValueError(f"{value!r} is not a number that can be compared")
    if not fits(found, kind):
        raise ValueError(f"{_shorten(value)} is no {kind}")
    return found


def _shorten(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


# --- Comparisons, which give null where there is no answer ----------------------------------------


def equals(a: Value, b: Value) -> bool | None:
    """Return whether two values are the same; None where they are of different types."""
    if a is None or b is None:
        return a is b
    if kind_of(a) != kind_of(b):
        return None
    if isinstance(a, list):
        return len(a) == len(b) and all(equals(*pair) is True for pair in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equals(a[key], b[key]) is True for key in a)
    return bool(a == b)


def compare(a: Value, b: Value) -> int | None:
    """Return -1, 0 or 1; None where two values have no order."""
    if a is None or b is None or isinstance(a, bool | list | dict):
        return None
    if type(a) is not type(b):
        return None
    try:
        return int(a > b) - int(a < b)
    except (TypeError, InvalidOperation):
        # A local time and one with an offset have none.
        return None


def finite(number: Decimal) -> Decimal | None:
    """Return a result of arithmetic, null where it is none."""
    return number if number.is_finite() else None
