"""Cells and expressions of FEEL, as the standard has them, and what is refused of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from flows.tables.compiling import compile_expression, compile_tests
from flows.tables.errors import FeelError
from flows.tables.parsing import parse_expression, parse_tests
from flows.tables.tokens import LONGEST
from flows.tables.values import coerce, from_json, to_json

JANUARY = datetime.fromisoformat("2026-01-02T00:00:00")


def ask(cell: str, value: Any, **scope: Any) -> bool | None:
    return compile_tests(parse_tests(cell, scope))(value, scope)


def evaluate(text: str, **scope: Any) -> Any:
    return compile_expression(parse_expression(text, scope))(scope)


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("-", None, True),
        ("", Decimal(5), True),
        ("5", Decimal("5.0"), True),
        ("5, 6", Decimal(6), True),
        ("> 5", Decimal(5), False),
        (">= 5", Decimal(5), True),
        ("< 5, > 10", Decimal(11), True),
        ("!= 5", Decimal(6), True),
        ("[1..5]", Decimal(5), True),
        ("[1..5)", Decimal(5), False),
        ("]1..5]", Decimal(1), False),
        ("(1..5[", Decimal(5), False),
        ("-5", Decimal(-5), True),
        ("not(5, [7..9])", Decimal(8), False),
        ("not(5, [7..9])", Decimal(6), True),
        ('"a", "b"', "b", True),
        ('not("a")', "b", True),
        ("true", True, True),
        ("not(true)", False, True),
        ("null", None, True),
        ("null", Decimal(1), False),
        ("not(null)", Decimal(1), True),
        ("[1, 2, 3]", Decimal(2), True),
        ('date("2026-03-31")', date(2026, 3, 31), True),
        ('< date("2026-03-31")', date(2026, 3, 30), True),
        ('@"2026-03-31"', date(2026, 3, 31), True),
        ('[date("2026-01-01")..date("2026-12-31")]', date(2026, 6, 1), True),
        ('> date and time("2026-01-01T00:00:00")', JANUARY, True),
        ("? > 5 and ? < 9", Decimal(6), True),
        ("modulo(?, 2) = 0", Decimal(6), True),
        ('starts with(?, "A-")', "A-1", True),
    ],
)  # fmt: skip
def test_a_cell_asks_what_it_says(cell: str, value: Any, expected: bool) -> None:
    assert ask(cell, value) is expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [("> 5", None), ("> 5", "text"), ("not(> 5)", None), ('"a"', Decimal(1)), ("1 = 1", Decimal(1)),
     ('> date("2026-01-01")', JANUARY), ("? + 1", Decimal(1))],
)  # fmt: skip
def test_what_cannot_be_compared_is_neither_true_nor_false(cell: str, value: Any) -> None:
    assert ask(cell, value) is None


def test_numbers_are_decimals_exactly() -> None:
    assert ask("0.3", evaluate("0.1 + 0.2")) is True
    assert ask("<= 0.3", from_json(0.1) + from_json(0.2)) is True
    assert to_json(evaluate("1 / 3")) == pytest.approx(1 / 3)
    assert evaluate("1 / 0") is None
    assert to_json(evaluate("10 / 2")) == 5
    assert isinstance(to_json(evaluate("10 / 2")), int)


def test_names_may_have_spaces_and_signs() -> None:
    scope = {
        "Years of Service": Decimal(30),
        "Approved/Declined": "Approved",
        "Extra days case 1": Decimal(2),
    }
    assert evaluate("Years of Service + max(Extra days case 1, 1)", **scope) == Decimal(32)
    assert evaluate("Approved/Declined", **scope) == "Approved"
    assert ask("> Years of Service * 2", Decimal(61), **scope) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('date("2024-01-31") + duration("P1M")', date(2024, 2, 29)),
        ('date("2024-03-01") - date("2024-02-01") = duration("P29D")', True),
        ('years and months duration(date("2020-05-02"), date("2026-05-01")).years', Decimal(5)),
        ('date("2026-03-31").month', Decimal(3)),
        ('if 2 > 1 then "yes" else "no"', "yes"),
        ("2 ** 10 - 24", Decimal(1000)),
        ("-(2 + 3) * 2", Decimal(-10)),
        ("5 between 1 and 9", True),
        ("5 in (1..5)", False),
        ("5 in (< 2, 5)", True),
        ('string(1.50) + " EUR"', "1.5 EUR"),
        ("round half up(2.345, 2)", Decimal("2.35")),
        ("floor(-1.5)", Decimal(-2)),
        ("modulo(-5, 3)", Decimal(1)),
        ("sum([1, 2, 3])", Decimal(6)),
        ("count([1, 2])", Decimal(2)),
        ('list contains(["a"], "a")', True),
        ('substring("abcdef", -3, 2)', "de"),
        ('number("1,5")', None),
        ('date("2026-02-30")', None),
        ("null = null and not(false)", True),
        ("false and null", False),
        ("true and null", None),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_that_the_standard_gives(text: str, expected: Any) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("for x in y return x", "A loop"),
        ("some x in y satisfies x", "A quantifier"),
        ("function(x) x", "A function"),
        ("x instance of number", "A test of a type"),
        ("{a: 1}", "A context"),
        ("list[1]", "A filter"),
        ("today()", "the same input must always decide the same"),
        ("matches(a, b)", "There is no function"),
        ("abs()", "abs takes 1 values"),
        ('"open', "A text has no end"),
        ("[1..", "It breaks off"),
        ("1 2", "not understood"),
        ("§", "no sign of FEEL"),
        ("(" * 40 + "1" + ")" * 40, "nested"),
        ("- " * 40 + "1", "nested"),
        ("1" * 40, "digits"),
        ("1 + " * 400 + "1", "words and signs"),
        (" " * (LONGEST + 1), "characters"),
    ],
)  # fmt: skip
def test_what_is_no_feel_of_tables_is_refused_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(FeelError, match=words) as refused:
        parse_expression(text)
    assert refused.value.remedy


def test_what_grows_is_bounded() -> None:
    assert evaluate("9 ** (9 ** 9)") is None
    assert evaluate("s + s", s="x" * 60_000) is None


def test_a_number_that_json_cannot_hold_is_null_and_a_large_one_is_no_integer() -> None:
    assert to_json(evaluate("10 ** 400")) is None
    assert isinstance(to_json(evaluate("10 ** 30")), float)
    assert to_json(evaluate("2 ** 40")) == 2**40


def test_values_of_a_run_become_those_of_the_column() -> None:
    assert coerce("2026-03-31", "date") == date(2026, 3, 31)
    assert coerce(5, "integer") == Decimal(5)
    assert coerce(None, "number") is None
    for value, kind in (("5", "number"), (True, "number"), (5.5, "integer"), ("x", "date"),
                        (float("nan"), "number")):  # fmt: skip
        with pytest.raises(ValueError, match="is n"):
            coerce(value, kind)
