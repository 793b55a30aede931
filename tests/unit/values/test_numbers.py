"""A typed number is read by the marks of one locale, or refused; it is never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.values.checking import MAX_INTEGER
from workbench.values.numbers import Marks, read_number
from workbench.values.refusals import ValueRefused

GERMAN = Marks(decimal=",", thousands=".")
FRENCH = Marks(decimal=",", thousands="\u202f")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1234.5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234 567", 1234567),
        ("-3", -3),
        ("\u22123", -3),
        ("+5", 5),
        ("007", 7),
        ("1e6", 1e6),
        ("9007199254740991", MAX_INTEGER),
    ],
)
def test_an_english_number_is_read(text: str, number: float) -> None:
    read = read_number(text)
    assert read == number
    assert type(read) is type(number)


@pytest.mark.parametrize(
    "text",
    ["1,5", "12,50", "1.500,00", "1,23,456", "1,234 567", "1.", ".5", "", "nan", "inf", "0x1F",
     "1_000", "٣", "1e999", "9007199254740993", "9" * 60, "1 5", "1..5", "5 %"],
)  # fmt: skip
def test_a_text_that_is_not_plainly_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "number"), [("1,5", 1.5), ("12,50", 12.5), ("1.500,00", 1500.0), ("1.500", 1500)]
)
def test_a_german_number_is_read_by_german_marks(text: str, number: float) -> None:
    assert read_number(text, GERMAN) == number


def test_a_narrow_space_stands_between_thousands() -> None:
    assert read_number("1\u202f234,5", FRENCH) == 1234.5


def test_a_whole_number_has_no_decimals() -> None:
    with pytest.raises(ValueRefused, match="whole"):
        read_number("1.0", whole=True)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-MAX_INTEGER, MAX_INTEGER))
def test_what_is_written_is_read_back(number: float) -> None:
    assert read_number(repr(number)) == number
