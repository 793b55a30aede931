"""The values of a column, cut where its cells begin and end.

Between two neighbouring boundaries every simple cell answers the same for all values. So a column
has as many *pieces* as there are boundaries and spaces between them, and one value of each piece
stands for all of them: what is found by asking these is exact.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from flows.tables.compiled import Cell
from flows.tables.compiling import Range, compile_expression
from flows.tables.syntax import Bound, Interval, Tests
from flows.tables.values import Months, Value, to_literal

_DAY = timedelta(days=1)
_MIDNIGHT = datetime.combine(date.min, time())
_TINY = timedelta(microseconds=1)
_LAST_MICROSECOND = 86_400_000_000 - 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A boundary, or the space between two. ``value`` stands for all of it.

    ``low`` and ``high`` are the ends of a space, which are not part of it; None is open. Of a
    boundary both are the value. ``is_other`` is all that a list of texts does not name.
    """

    value: Value
    low: Value = None
    high: Value = None
    is_point: bool = True
    is_other: bool = False


class Unordered(ValueError):
    """The boundaries of a column cannot be sorted, such as local times and times with an offset."""


def cut(kind: str, cells: Iterable[Cell]) -> list[Piece]:
    """Return the pieces of a column, in their order. Raises: Unordered."""
    points: list[Value] = []
    is_ordered = kind not in ("string", "boolean")
    for cell in cells:
        for value, ordered in _list_boundaries(cell.tests):
            points.append(value)
            is_ordered = is_ordered or ordered
    nulls = [Piece(None)] if any(each is None for each in points) else []
    points = [each for each in points if each is not None]
    if kind == "boolean":
        return [Piece(False), Piece(True), *nulls]
    if not is_ordered:
        return [*_list_texts(dict.fromkeys(points)), *nulls]
    try:
        return [*_cut_at(kind, sorted(set(points))), *nulls]
    except TypeError:
        raise Unordered from None


def _list_boundaries(tests: Tests) -> Iterator[tuple[Value, bool]]:
    """Yield each value that a cell names, and whether the cell asks what is before or after it."""
    for item in tests.items:
        node = item.than if isinstance(item, Bound) else item
        ordered = isinstance(item, Interval) or (
            isinstance(item, Bound) and item.sign not in ("=", "!=")
        )
        for value, in_range in _flatten(compile_expression(node)({})):
            yield value, ordered or in_range


def _flatten(value: Value, in_range: bool = False) -> Iterator[tuple[Value, bool]]:
    if isinstance(value, Range):
        yield from ((value.low, True), (value.high, True))
    elif isinstance(value, list):
        for each in value:
            yield from _flatten(each, in_range)
    else:
        yield value, in_range


def _list_texts(named: Iterable[str]) -> Iterator[Piece]:
    known = list(named)
    for each in known:
        yield Piece(each, each, each)
    other = next(
        each for each in ("other", *(f"other {at}" for at in range(2, len(known) + 3)))
        if each not in known
    )  # fmt: skip
    yield Piece(other, is_point=False, is_other=True)


def _cut_at(kind: str, points: Sequence[Value]) -> Iterator[Piece]:
    if not points:
        yield Piece(_ANYWHERE[kind], is_point=False)
        return
    ends = [None, *points, None]
    for at, high in enumerate(ends[1:]):
        low = ends[at]
        value = _find_between(kind, low, high)
        if value is not None:
            yield Piece(value, low, high, is_point=False)
        if high is not None and (kind != "integer" or high == high.to_integral_value()):
            yield Piece(high, high, high)


_ANYWHERE: dict[str, Value] = {
    "number": Decimal(0), "integer": Decimal(0), "date": date(2026, 1, 1), "time": time(12),
    "date and time": datetime(2026, 1, 1, 12),  # noqa: DTZ001 - local, as written
    "days and time duration": _DAY, "years and months duration": Months(1), "string": "text",
    "any": None,
}  # fmt: skip


def _find_between(kind: str, low: Value, high: Value) -> Value:
    """Return a value after ``low`` and before ``high``, None where there is none."""
    try:
        return _BETWEEN[kind](low, high)
    except (OverflowError, ValueError):
        return None


def _between_numbers(low: Value, high: Value) -> Value:
    if low is None:
        return high.to_integral_value(rounding=ROUND_FLOOR) - 1
    next_ = low.to_integral_value(rounding=ROUND_FLOOR) + 1
    return next_ if high is None or next_ < high else (low + high) / 2


def _between_integers(low: Value, high: Value) -> Value:
    found = _between_numbers(low, high)
    return found if found == found.to_integral_value() else None


def _between_days(low: Value, high: Value) -> Value:
    if low is None:
        return high - _DAY
    next_ = low + _DAY
    return next_ if high is None or next_ < high else None


def _between_instants(low: Value, high: Value) -> Value:
    if low is None:
        return high - _DAY
    if high is None:
        return low + _DAY
    middle = low + (high - low) / 2
    return middle if low < middle < high else None


def _between_times(low: Value, high: Value) -> Value:
    ends = [None if each is None else _to_microseconds(each) for each in (low, high)]
    first = 0 if ends[0] is None else ends[0] + 1
    last = _LAST_MICROSECOND if ends[1] is None else ends[1] - 1
    if first > last:
        return None
    middle = (first + last) // 2
    whole = middle - middle % 60_000_000
    middle = whole if first <= whole else middle
    return (_MIDNIGHT + timedelta(microseconds=middle)).time()


def _to_microseconds(clock: time) -> int:
    if clock.tzinfo is not None:
        raise TypeError("a time with an offset")
    return int((datetime.combine(date.min, clock) - _MIDNIGHT) / _TINY)


def _between_months(low: Value, high: Value) -> Value:
    if low is None:
        return Months(high.count - 1)
    next_ = Months(low.count + 1)
    return next_ if high is None or next_ < high else None


def _between_texts(low: Value, high: Value) -> Value:
    if low is None:
        return "" if high != "" else None
    for next_ in (f"{low}a", f"{low} ", f"{low}\0"):
        if high is None or next_ < high:
            return next_
    return None


_BETWEEN: dict[str, Any] = {
    "number": _between_numbers, "integer": _between_integers, "date": _between_days,
    "date and time": _between_instants, "days and time duration": _between_instants,
    "time": _between_times, "years and months duration": _between_months,
    "string": _between_texts,
}  # fmt: skip


# --- In words of FEEL ---------------------------------------------------------------------------


def describe(pieces: Sequence[Piece], chosen: int) -> str:
    """Return the cell that asks for the chosen pieces, given by their bits; ``-`` for all."""
    places = [at for at in range(len(pieces)) if chosen >> at & 1]
    if len(places) == len(pieces):
        return "-"
    if any(pieces[at].is_other for at in places):
        rest = [each for at, each in enumerate(pieces) if not chosen >> at & 1]
        return f"not({', '.join(to_literal(each.value) for each in rest)})"
    return ", ".join(_describe_run(run) for run in _list_runs(pieces, places))


def _list_runs(pieces: Sequence[Piece], places: Sequence[int]) -> Iterator[list[Piece]]:
    """Yield the pieces that adjoin each other."""
    run: list[Piece] = []
    last = -1
    for at in places:
        piece = pieces[at]
        if run and not (at == last + 1 and _adjoin(run[-1], piece)):
            yield run
            run = []
        run.append(piece)
        last = at
    if run:
        yield run


def _adjoin(left: Piece, right: Piece) -> bool:
    if left.value is None or right.value is None or (left.is_point and right.is_point):
        return False
    if left.is_point:
        return bool(right.low == left.value)
    return left.high is not None and bool(right.low == left.high)


def _describe_run(run: Sequence[Piece]) -> str:
    first, last = run[0], run[-1]
    if len(run) == 1 and first.is_point:
        return to_literal(first.value)
    if first.low is None and last.high is None:
        return "not(null)"
    if first.low is None:
        return f"{'<=' if last.is_point else '<'} {to_literal(last.high)}"
    if last.high is None:
        return f"{'>=' if first.is_point else '>'} {to_literal(first.low)}"
    start, end = "[" if first.is_point else "(", "]" if last.is_point else ")"
    return f"{start}{to_literal(first.low)}..{to_literal(last.high)}{end}"
