"""Trees of FEEL made into functions. Nothing is evaluated as Python, and nothing loops.

Logic has three values, as FEEL has it: what cannot be compared is null, and no cell matches by it.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flows.tables.functions import FUNCTIONS, call, get_part
from flows.tables.syntax import (
    Arithmetic,
    Bound,
    Call,
    Choice,
    Comparison,
    Interval,
    ListOf,
    Literal,
    Logic,
    Name,
    Negative,
    Node,
    Path,
    Tests,
    Within,
    list_names,
)
from flows.tables.values import ARITHMETIC, Months, Value, compare, equals, finite

Scope = Mapping[str, Value]
Evaluate = Callable[[Scope], Value]
Matches = Callable[[Value, Scope], bool | None]
ASKED = "?"
MOST_EXPONENT = 1_000
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Range:
    """The value of an interval."""

    low: Value
    high: Value
    includes: tuple[bool, bool]

    def has(self, value: Value) -> bool | None:
        low, high = compare(value, self.low), compare(value, self.high)
        if low is None or high is None:
            return None
        above = low > 0 or (low == 0 and self.includes[0])
        return above and (high < 0 or (high == 0 and self.includes[1]))


# --- Expressions --------------------------------------------------------------------------------


def compile_expression(node: Node) -> Evaluate:
    """Return the function that evaluates an expression in a scope. It never raises."""
    made = _compile(node)
    if isinstance(node, Literal) or list_names(node):
        return made
    value = made({})
    return lambda scope: value


def _compile(node: Node) -> Evaluate:  # noqa: PLR0911 - a case for each kind of node
    match node:
        case Literal(value=value):
            return lambda scope: value
        case Name(name=name):
            return lambda scope: scope.get(name)
        case Path(of=of, name=name):
            return _compile_path(compile_expression(of), name)
        case Call(name=name, args=args):
            function, parts = FUNCTIONS[name], [compile_expression(each) for each in args]
            return lambda scope: call(function, [part(scope) for part in parts])
        case Negative(of=of):
            return _compile_negative(compile_expression(of))
        case Arithmetic(sign=sign, left=left, right=right):
            compute, a, b = _ARITHMETIC[sign], compile_expression(left), compile_expression(right)
            return lambda scope: compute(a(scope), b(scope))
        case Comparison(sign=sign, left=left, right=right):
            a, b = compile_expression(left), compile_expression(right)
            return lambda scope: _hold(sign, a(scope), b(scope))
    return _compile_compound(node)


def _compile_compound(node: Node) -> Evaluate:
    match node:
        case Logic(sign=sign, parts=parts):
            made = [compile_expression(each) for each in parts]
            return _compile_logic(made, decides=sign == "or")
        case Choice(condition=condition, then=then, otherwise=otherwise):
            test, yes, no = map(compile_expression, (condition, then, otherwise))
            return lambda scope: yes(scope) if test(scope) is True else no(scope)
        case Interval(low=low, high=high, includes=includes):
            a, b = compile_expression(low), compile_expression(high)
            return lambda scope: Range(a(scope), b(scope), includes)
        case ListOf(items=items):
            made = [compile_expression(each) for each in items]
            return lambda scope: [each(scope) for each in made]
        case Within(value=value, tests=tests):
            of, matches = compile_expression(value), compile_tests(tests)
            return lambda scope: matches(of(scope), scope)
    raise TypeError(node)


def _compile_path(of: Evaluate, name: str) -> Evaluate:
    def get(scope: Scope) -> Value:
        value = of(scope)
        return value.get(name) if isinstance(value, Mapping) else get_part(value, name)

    return get


def _compile_negative(of: Evaluate) -> Evaluate:
    def negate(scope: Scope) -> Value:
        value = of(scope)
        if isinstance(value, Months):
            return Months(-value.count)
        return -value if isinstance(value, Decimal | timedelta) else None

    return negate


def _compile_logic(parts: Sequence[Evaluate], *, decides: bool) -> Evaluate:
    """Return ``or`` where True decides, ``and`` where False does."""

    def evaluate(scope: Scope) -> Value:
        found = [part(scope) for part in parts]
        if any(each is decides for each in found):
            return decides
        return not decides if all(each is (not decides) for each in found) else None

    return evaluate


def _hold(sign: str, a: Value, b: Value) -> bool | None:
    if sign in ("=", "!="):
        same = equals(a, b)
        return same if sign == "=" or same is None else not same
    order = compare(a, b)
    return None if order is None else _ORDERS[sign](order, 0)


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


# --- Arithmetic ---------------------------------------------------------------------------------


def _add(a: Value, b: Value) -> Value:
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return finite(ARITHMETIC.add(a, b))
    if isinstance(a, str) and isinstance(b, str):
        return a + b if len(a) + len(b) <= LONGEST_TEXT else None
    if isinstance(a, Months) and isinstance(b, Months):
        return Months(a.count + b.count)
    return _shift(a, b) if isinstance(b, timedelta | Months) else _shift(b, a)


def _subtract(a: Value, b: Value) -> Value:
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return finite(ARITHMETIC.subtract(a, b))
    if isinstance(a, Months) and isinstance(b, Months):
        return Months(a.count - b.count)
    if isinstance(b, Months):
        return _shift(a, Months(-b.count))
    if isinstance(b, timedelta):
        return _shift(a, -b)
    return _distance(a, b)


def _shift(value: Value, by: Value) -> Value:
    """Return a date, time or duration moved by a duration, null where it has no such."""
    try:
        if isinstance(by, Months):
            return _shift_months(value, by.count) if isinstance(value, date) else None
        if isinstance(value, time):
            return (datetime.combine(date(2000, 1, 1), value) + by).timetz()
        return value + by if isinstance(value, date | timedelta) else None
    except (OverflowError, TypeError, ValueError):
        return None


def _shift_months(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        if last > day.day:
            continue
        try:
            return day.replace(year=day.year + years, month=month + 1, day=last)
        except ValueError:
            if not 1 <= day.year + years <= 9999:  # noqa: PLR2004 - the calendar's ends
                raise
    raise ValueError(day)


def _distance(a: Value, b: Value) -> Value:
    try:
        if isinstance(a, timedelta | date) and type(a) is type(b):
            return a - b  # type: ignore[operator]
    except (TypeError, OverflowError):
        pass
    return None


def _multiply(a: Value, b: Value) -> Value:
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return finite(ARITHMETIC.multiply(a, b))
    size, times = (a, b) if isinstance(b, Decimal) else (b, a)
    return _scale(size, times) if isinstance(times, Decimal) else None


def _divide(a: Value, b: Value) -> Value:
    if not isinstance(b, Decimal) or not b:
        return None
    if isinstance(a, Decimal):
        return finite(ARITHMETIC.divide(a, b))
    return _scale(a, ARITHMETIC.divide(Decimal(1), b))


def _scale(size: Value, times: Decimal) -> Value:
    try:
        if isinstance(size, Months):
            return Months(int(size.count * times))
        return (
            timedelta(seconds=float(times) * size.total_seconds())
            if isinstance(size, timedelta)
            else None
        )
    except (OverflowError, ValueError):
        return None


def _raise(a: Value, b: Value) -> Value:
    if not (isinstance(a, Decimal) and isinstance(b, Decimal)) or abs(b) > MOST_EXPONENT:
        return None
    return finite(ARITHMETIC.power(a, b))


_ARITHMETIC: Mapping[str, Callable[[Value, Value], Value]] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "**": _raise,
}  # fmt: skip


# --- Tests --------------------------------------------------------------------------------------


def compile_tests(tests: Tests) -> Matches:
    """Return the function that says whether a value is what a cell asks. It never raises."""
    if not tests.items:
        return lambda value, scope: True
    matches = _compile_any(tests.items)
    if not tests.negated:
        return matches

    def none(value: Value, scope: Scope) -> bool | None:
        found = matches(value, scope)
        return None if found is None else not found

    return none


def _compile_any(items: Sequence[Bound | Node]) -> Matches:
    if len(items) == 1:
        return _compile_test(items[0])
    constants = [each.value for each in items if isinstance(each, Literal)]
    if len(constants) == len(items) and len({type(each) for each in constants}) == 1:
        return _compile_choice(constants)
    made = [_compile_test(each) for each in items]

    def matches(value: Value, scope: Scope) -> bool | None:
        unknown = False
        for each in made:
            found = each(value, scope)
            if found is True:
                return True
            unknown = unknown or found is None
        return None if unknown else False

    return matches


def _compile_choice(constants: Sequence[Value]) -> Matches:
    """Return a test for many constants that takes no longer than one for a few."""
    type_, chosen = type(constants[0]), frozenset(constants)

    def matches(value: Value, scope: Scope) -> bool | None:
        if type(value) is type_:
            return value in chosen
        return False if value is None else None

    return matches


def _compile_test(item: Bound | Node) -> Matches:
    if isinstance(item, Bound):
        return _compile_bound(item)
    evaluate = compile_expression(item)
    names = list_names(item)
    if ASKED in names:
        return lambda value, scope: _as_truth(evaluate({**scope, ASKED: value}))
    if names:
        return lambda value, scope: has_value(evaluate(scope), value)
    constant = evaluate({})
    if isinstance(constant, Range):
        return _compile_range(constant)
    return lambda value, scope: has_value(constant, value)


def _compile_bound(item: Bound) -> Matches:
    sign, than = item.sign, compile_expression(item.than)
    if list_names(item.than):
        return lambda value, scope: _hold(sign, value, than({**scope, ASKED: value}))
    constant = than({})
    if sign not in _ORDERS or not isinstance(constant, Decimal):
        return lambda value, scope: _hold(sign, value, constant)
    order = _ORDERS[sign]
    return lambda value, scope: order(value, constant) if type(value) is Decimal else None


def _compile_range(range_: Range) -> Matches:
    low, high = range_.low, range_.high
    if not (isinstance(low, Decimal) and isinstance(high, Decimal)):
        return lambda value, scope: range_.has(value)
    above = operator.ge if range_.includes[0] else operator.gt
    below = operator.le if range_.includes[1] else operator.lt
    return lambda value, scope: (
        above(value, low) and below(value, high) if type(value) is Decimal else None
    )


def _as_truth(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def has_value(of: Value, value: Value) -> bool | None:
    """Return whether what a cell names is a value: the same, or an interval or list with it."""
    if isinstance(of, Range):
        return of.has(value)
    if isinstance(of, list) and not isinstance(value, list):
        return any(has_value(each, value) is True for each in of)
    return equals(value, of)
