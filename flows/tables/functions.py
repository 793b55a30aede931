"""The functions of FEEL that tables take. None reads a clock, and none takes long.

Where a function has no answer, as for arguments of other types, it is null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    InvalidOperation,
)

from flows.tables.values import (
    ARITHMETIC,
    Months,
    Value,
    compare,
    equals,
    finite,
    kind_of,
    read_typed,
    to_text,
)

MOST_DIGITS_AFTER = 34
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Function:
    """``takes`` is the type of each argument, or of all; ``least`` how many there must be."""

    call: Callable[..., Value]
    takes: tuple[type, ...]
    gives: str
    least: int
    most: int


def call(function: Function, args: Sequence[Value]) -> Value:
    """Return the function's value; null where an argument is of another type."""
    takes = function.takes
    for at, arg in enumerate(args):
        wanted = takes[min(at, len(takes) - 1)]
        if wanted is not object and (not isinstance(arg, wanted) or _is_not(arg, wanted)):
            return None
    try:
        return function.call(*args)
    except (ArithmeticError, ValueError, TypeError, InvalidOperation):
        return None


def _is_not(arg: Value, wanted: type) -> bool:
    """Return whether it is only in Python that ``arg`` is one: a date and time is no date."""
    return wanted is date and isinstance(arg, datetime)


# --- Dates, times and durations -----------------------------------------------------------------


def _date(given: Value, month: Value = None, day: Value = None) -> Value:
    if isinstance(given, Decimal):
        return date(int(given), int(month), int(day))
    if isinstance(given, datetime):
        return given.date()
    return read_typed(given, "date") if isinstance(given, str) else None


def _time(given: Value) -> Value:
    if isinstance(given, datetime):
        return given.timetz()
    return read_typed(given, "time") if isinstance(given, str) else None


def _date_and_time(given: Value, clock: Value = None) -> Value:
    if isinstance(given, date) and isinstance(clock, time):
        return datetime.combine(given, clock)
    return read_typed(given, "date and time") if isinstance(given, str) else None


def _duration(given: str) -> Value:
    found = read_typed(given, "years and months duration")
    return found if found is not None else read_typed(given, "days and time duration")


def _months_between(start: date, end: date) -> Months:
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and end.day < start.day:
        months -= 1
    elif months < 0 and end.day > start.day:
        months += 1
    return Months(months)


# --- Numbers ------------------------------------------------------------------------------------


def _round(how: str) -> Callable[..., Value]:
    def round_(number: Decimal, scale: Decimal = Decimal(0)) -> Value:
        if abs(scale) > MOST_DIGITS_AFTER:
            return None
        return number.quantize(Decimal(1).scaleb(-int(scale)), rounding=how, context=ARITHMETIC)

    return lambda *args: _or_null(round_(*args))


def _or_null(number: Value) -> Value:
    return None if number is None else finite(number)


def _modulo(number: Decimal, by: Decimal) -> Value:
    if not by:
        return None
    # As FEEL has it: the sign is that of the divisor.
    rest = ARITHMETIC.remainder(number, by)
    return finite(ARITHMETIC.add(rest, by) if rest and (rest < 0) != (by < 0) else rest)


def _number(text: str) -> Value:
    stripped = text.strip()
    try:
        return finite(Decimal(stripped)) if len(stripped) <= MOST_DIGITS_AFTER else None
    except InvalidOperation:
        return None


# --- Lists, which may be given as one argument or as several ------------------------------------


def _items(args: Sequence[Value]) -> list[Value]:
    return list(args[0]) if len(args) == 1 and isinstance(args[0], list) else list(args)


def _pick(wanted: int) -> Callable[..., Value]:
    def pick(*args: Value) -> Value:
        items = _items(args)
        best = items[0] if items else None
        for each in items[1:]:
            order = compare(each, best)
            if order is None:
                return None
            best = each if order == wanted else best
        return best

    return pick


def _sum(*args: Value) -> Value:
    items = _items(args)
    if not items or not all(isinstance(each, Decimal) for each in items):
        return None
    total = Decimal(0)
    for each in items:
        total = ARITHMETIC.add(total, each)
    return finite(total)


def _mean(*args: Value) -> Value:
    total = _sum(*args)
    return None if total is None else finite(ARITHMETIC.divide(total, Decimal(len(_items(args)))))


def _all(*args: Value) -> Value:
    items = _items(args)
    if any(each is False for each in items):
        return False
    return True if all(each is True for each in items) else None


def _any(*args: Value) -> Value:
    items = _items(args)
    if any(each is True for each in items):
        return True
    return False if all(each is False for each in items) else None


def _list_contains(items: list[Value], wanted: Value) -> bool:
    return any(equals(each, wanted) is True for each in items)


# --- Texts --------------------------------------------------------------------------------------


def _substring(text: str, start: Decimal, length: Value = None) -> Value:
    at = int(start)
    if not at:
        return None
    at = at - 1 if at > 0 else max(0, len(text) + at)
    return text[at:] if length is None else text[at : at + max(0, int(length))]


def _not(given: Value) -> Value:
    return not given if isinstance(given, bool) else None


def _part(name: str) -> Callable[[Value], Value]:
    return lambda given: get_part(given, name)


def get_part(given: Value, name: str) -> Value:
    """Return a named part of a date, time or duration: year, month, day, hour, days, years …"""
    if isinstance(given, Months):
        years, months = divmod(abs(given.count), 12)
        found: int | None = {"years": years, "months": months}.get(name)
        return None if found is None else Decimal(-found if given.count < 0 else found)
    if isinstance(given, timedelta):
        return _get_part_of_days(given, name)
    if isinstance(given, date | time) and name in {
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
    }:
        return Decimal(each) if (each := getattr(given, name, None)) is not None else None
    if name == "weekday" and isinstance(given, date):
        return Decimal(given.isoweekday())
    return None


def _get_part_of_days(given: timedelta, name: str) -> Value:
    size = abs(given)
    hours, rest = divmod(size.seconds, 3600)
    parts = {"days": size.days, "hours": hours, "minutes": rest // 60, "seconds": rest % 60}
    found = parts.get(name)
    return None if found is None else Decimal(-found if given < timedelta() else found)


def _cut(text: str) -> Value:
    return text if len(text) <= LONGEST_TEXT else None


_N, _S, _A, _L = Decimal, str, object, list
FUNCTIONS: dict[str, Function] = {
    "date": Function(_date, (_A, _N, _N), "date", 1, 3),
    "time": Function(_time, (_A,), "time", 1, 1),
    "date and time": Function(_date_and_time, (_A,), "date and time", 1, 2),
    "duration": Function(_duration, (_S,), "any", 1, 1),
    "years and months duration": Function(
        _months_between, (date, date), "years and months duration", 2, 2
    ),
    "number": Function(_number, (_S,), "number", 1, 1),
    "string": Function(lambda v: None if v is None else _cut(to_text(v)), (_A,), "string", 1, 1),
    "not": Function(_not, (_A,), "boolean", 1, 1),
    "abs": Function(lambda v: abs(v) if isinstance(v, Decimal | timedelta) else None,
                    (_A,), "any", 1, 1),
    "floor": Function(_round(ROUND_FLOOR), (_N,), "number", 1, 2),
    "ceiling": Function(_round(ROUND_CEILING), (_N,), "number", 1, 2),
    "decimal": Function(_round(ROUND_HALF_EVEN), (_N,), "number", 2, 2),
    "round up": Function(_round(ROUND_UP), (_N,), "number", 2, 2),
    "round down": Function(_round(ROUND_DOWN), (_N,), "number", 2, 2),
    "round half up": Function(_round(ROUND_HALF_UP), (_N,), "number", 2, 2),
    "modulo": Function(_modulo, (_N,), "number", 2, 2),
    "even": Function(lambda v: _modulo(v, Decimal(2)) == 0, (_N,), "boolean", 1, 1),
    "odd": Function(lambda v: _modulo(v, Decimal(2)) == 1, (_N,), "boolean", 1, 1),
    "min": Function(_pick(-1), (_A,), "any", 1, 100),
    "max": Function(_pick(1), (_A,), "any", 1, 100),
    "sum": Function(_sum, (_A,), "number", 1, 100),
    "mean": Function(_mean, (_A,), "number", 1, 100),
    "all": Function(_all, (_A,), "boolean", 1, 100),
    "any": Function(_any, (_A,), "boolean", 1, 100),
    "count": Function(lambda v: Decimal(len(v)), (_L,), "number", 1, 1),
    "list contains": Function(_list_contains, (_L, _A), "boolean", 2, 2),
    "contains": Function(lambda a, b: b in a, (_S,), "boolean", 2, 2),
    "starts with": Function(lambda a, b: a.startswith(b), (_S,), "boolean", 2, 2),
    "ends with": Function(lambda a, b: a.endswith(b), (_S,), "boolean", 2, 2),
    "substring": Function(_substring, (_S, _N), "string", 2, 3),
    "string length": Function(lambda v: Decimal(len(v)), (_S,), "number", 1, 1),
    "upper case": Function(lambda v: v.upper(), (_S,), "string", 1, 1),
    "lower case": Function(lambda v: v.lower(), (_S,), "string", 1, 1),
    "is defined": Function(lambda v: v is not None, (_A,), "boolean", 1, 1),
}  # fmt: skip
CLOCKS = frozenset({"now", "today"})
TEMPORAL_KINDS = frozenset({"date", "time", "date and time"})
__all__ = ["CLOCKS", "FUNCTIONS", "Function", "call", "get_part", "kind_of"]
