"""Fields of documents: found by anchors, patterns, tables and what a model cites."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.documents.extraction.evidence import make_answer_schema, write_question
from flows.documents.extraction.fields import Extracted, correct, extract_fields
from flows.documents.extraction.rules import FieldRule
from flows.documents.extraction.typed import LOCALES, read_value
from flows.documents.model import ReadDocument, Table
from tests.factories.documents import read_lines
from workbench.values.refusals import ValueRefused

SLIP = read_lines(
    [
        "Payslip                    Page 1 of 1",
        "Employee           Anna Berg",
        "Personnel number   A12345",
        "Gross pay          2,345.50 EUR",
        "Tax 19 %           345.50",
        "Net pay:           2,000.00",
        "Paid on            31 March 2026",
    ]
)


def find(document: ReadDocument, locale: str = "en", **rule: Any) -> Extracted:
    made = FieldRule.model_validate({"key": "it", **rule})
    return extract_fields(document, [made], locale)[0]


# --- Anchors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "kind", "value", "line"),
    [
        ("Employee", "text", "Anna Berg", 2),
        ("Personnel number", "code", "A12345", 3),
        ("Gross pay", "amount", 2345.5, 4),
        ("Tax", "amount", 345.5, 5),
        ("Net pay", "amount", 2000.0, 6),
        ("Paid on", "date", "2026-03-31", 7),
    ],
)
def test_a_value_is_read_beside_its_label(anchor: str, kind: str, value: Any, line: int) -> None:
    found = find(SLIP, anchors=[anchor], type=kind)
    assert (found.value, found.lines, found.page, found.source) == (value, (line,), 1, "anchor")
    assert found.confidence == pytest.approx(0.85 if anchor == "Tax" else 1.0, abs=0.2)


def test_a_box_is_around_the_words_of_the_value() -> None:
    found = find(SLIP, anchors=["Employee"])
    assert found.at == pytest.approx((0.19, 0.08, 0.09, 0.012))


def test_a_value_is_read_below_its_label() -> None:
    form = read_lines(["Employee             Employer", "Anna Berg            Nordhafen Werft"])
    found = find(form, anchors=["Employer"], where="below")
    assert (found.value, found.lines) == ("Nordhafen Werft", (2,))
    assert find(form, anchors=["Employee"], where="below").value == "Anna Berg"


def test_the_label_of_another_field_is_no_value() -> None:
    form = read_lines(["Employee             Employer", "Anna Berg            Nordhafen"])
    rules = [FieldRule(key="a", anchors=["Employee"]), FieldRule(key="b", anchors=["Employer"])]
    assert [each.value for each in extract_fields(form, rules)] == ["Anna Berg", "Nordhafen"]


@pytest.mark.parametrize(
    "misread", ["Gr0ss pay", "Gross pav", "Grosspay", "GROSS PAY", "Gross  pay"]
)
def test_a_label_with_a_few_wrong_letters_is_found(misread: str) -> None:
    found = find(read_lines([f"{misread}     12.00"]), anchors=["Gross pay"], type="amount")
    assert found.value == 12.0
    assert found.confidence is not None
    assert found.confidence >= 0.85


def test_another_label_is_not_the_label() -> None:
    other = read_lines(["Net price     12.00", "Tax number    345"])
    assert find(other, anchors=["Net pay"], type="amount").value is None


def test_specks_of_dust_around_a_text_are_no_part_of_it() -> None:
    found = find(read_lines(["Employee  - Anna Berg :"]), anchors=["Employee"])
    assert found.value == "Anna Berg"


def test_a_label_that_is_there_is_not_another_that_is_almost_it() -> None:
    both = read_lines(["Employee     Anna Berg", "Employer     Nordhafen"])
    for anchor, value in (("Employee", "Anna Berg"), ("Employer", "Nordhafen")):
        found = find(both, anchors=[anchor])
        assert (found.value, found.confidence) == (value, 1.0)


def test_the_clearer_label_wins_over_a_longer_one() -> None:
    both = read_lines(["Total net pay to date     9,000.00", "Net pay     1,000.00"])
    found = find(both, anchors=["Net pay"], type="amount")
    assert found.value == 1000.0
    assert found.confidence is not None
    assert found.confidence > 0.9


def test_two_values_at_equal_labels_are_each_half_as_sure() -> None:
    both = read_lines(["Total     10.00", "Total     20.00"])
    same = read_lines(["Total     10.00", "Total     10.00"])
    assert find(both, anchors=["Total"], type="amount").confidence == 0.5
    assert find(same, anchors=["Total"], type="amount").confidence == 1.0


def test_the_least_certain_word_makes_the_confidence() -> None:
    found = find(read_lines(["Total     10.00"], confidence=0.6), anchors=["Total"], type="amount")
    assert found.confidence == 0.6


# --- Values are never guessed -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "locale", "value"),
    [
        ("1,234.50", "amount", "en", 1234.5),
        ("1.234,50 €", "amount", "de", 1234.5),
        ("EUR 1.234,50", "amount", "de", 1234.5),
        ("1'234.50", "amount", "de-CH", 1234.5),
        ("120.00-", "amount", "en", -120.0),
        ("31.03.2026", "date", "en", "2026-03-31"),
        ("31/03/2026", "date", "en-GB", "2026-03-31"),
        ("03/31/2026", "date", "en-US", "2026-03-31"),
        ("31. März 2026", "date", "de", "2026-03-31"),
        ("Mar 31, 2026", "date", "en", "2026-03-31"),
        ("DE89 3704 0044 0532 0130 00", "code", "en", "DE89370400440532013000"),
        ("36", "integer", "en", 36),
        ("Anna Kowalski.", "text", "en", "Anna Kowalski"),
        ("Miller & Co.", "text", "en", "Miller & Co."),
    ],
)
def test_a_value_is_read_by_its_type_and_locale(
    text: str, kind: Any, locale: str, value: Any
) -> None:
    assert read_value(text, kind, LOCALES[locale]) == value


@pytest.mark.parametrize(
    ("text", "kind", "locale"),
    [
        ("03/04/2026", "date", "en"),
        ("1.234,50", "amount", "en"),
        ("1,234.50", "amount", "de"),
        ("1O0.00", "amount", "en"),
        ("31.02.2026", "date", "de"),
        ("12e3", "amount", "en"),
        ("Ma 3, 2026", "date", "en"),
        ("1.5", "integer", "en"),
        ("", "text", "en"),
    ],
)
def test_what_could_be_two_values_or_none_is_refused(text: str, kind: Any, locale: str) -> None:
    with pytest.raises(ValueRefused):
        read_value(text, kind, LOCALES[locale])


# --- Patterns ---------------------------------------------------------------------------------


def test_a_value_is_found_by_its_form_alone() -> None:
    letter = read_lines(["Please pay to DE89 3704 0044 0532 0130 00 soon"])
    found = find(
        letter, by="pattern", pattern="[A-Z]{2}[0-9]{2}( [0-9]{4}){4} [0-9]{2}", type="code"
    )
    assert (found.value, found.source) == ("DE89370400440532013000", "pattern")


def test_a_pattern_that_no_text_can_slow_down() -> None:
    hostile = read_lines([f"{'a' * 40} " * 30 for _ in range(60)])
    begun = time.monotonic()
    assert find(hostile, by="pattern", pattern="(a+)+b").value is None
    assert time.monotonic() - begun < 2


def test_a_pattern_that_goes_back_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="Look-around and references"):
        FieldRule(key="a", by="pattern", pattern=r"(?=a)b")


def test_a_field_without_what_its_way_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="give it `anchors`"):
        FieldRule(key="a")


# --- Tables -----------------------------------------------------------------------------------

TABLE = read_lines(
    ["Item     Rate     Amount", "Work     10     100.00", "Travel   2     50.00",
     "Total    150.00"],
    tables=[
        Table(
            at=(0, 0, 1, 1),
            rows=[["Item", "Rate", "Amount"], ["Work", "10", "100.00"],
                  ["Travel", "2", "50.00"], ["Total", "", "150.00"]],
            lines=[1, 2, 3, 4],
        )
    ],
)  # fmt: skip


def test_a_row_of_a_column_is_a_value() -> None:
    found = find(TABLE, by="table", column="Amount", row="Total", type="amount")
    assert (found.value, found.lines, found.source) == (150.0, (4,), "table")


def test_a_column_is_a_list_of_what_it_holds() -> None:
    found = find(TABLE, by="table", column="Am0unt", type="amount")
    assert found.value == [100.0, 50.0, 150.0]
    assert found.lines == (2, 3, 4)


# --- A model ----------------------------------------------------------------------------------


def cite(value: str | None, *lines: int, sure: float | None = 0.97, **rule: Any) -> Extracted:
    made = FieldRule.model_validate({"key": "it", "by": "model", **rule})
    answer = {"it": {"value": value, "lines": list(lines)}}
    return extract_fields(SLIP, [made], "en", answer, None if sure is None else {"it": sure})[0]


def test_a_model_s_value_has_the_place_of_the_words_that_it_cites() -> None:
    found = cite("2,000.00", 6, type="amount")
    assert (found.value, found.confidence, found.lines) == (2000.0, 0.97, (6,))
    assert found.at == pytest.approx((0.19, 0.20, 0.08, 0.012))


@pytest.mark.parametrize(("value", "lines"), [("9,999.00", (6,)), ("2,000.00", (2,)),
                                              ("2,000.00", ()), ("2,000.00", (99,)),
                                              ("000.00", (6,))])  # fmt: skip
def test_a_value_that_its_lines_do_not_hold_is_marked_and_not_trusted(
    value: str, lines: tuple[int, ...]
) -> None:
    found = cite(value, *lines, type="amount")
    assert (found.not_found_in_text, found.confidence, found.at) == (True, 0.0, None)
    assert found.value == value


def test_what_a_model_does_not_find_is_empty_and_not_marked() -> None:
    found = cite(None)
    assert (found.value, found.not_found_in_text) == (None, False)


def test_a_model_that_cannot_tell_how_sure_it_is_has_no_confidence() -> None:
    assert cite("Anna Berg", 2, sure=None).confidence is None


def test_a_value_that_is_of_another_type_is_not_taken() -> None:
    found = cite("Anna Berg", 2, type="amount")
    assert (found.value, found.refusal) == (
        None,
        "'Anna Berg' is not a number as it is written here.",
    )


def test_a_model_is_shown_numbered_lines_and_asked_for_each_field() -> None:
    rules = [FieldRule(key="net", label="Net pay", by="model", type="amount", hint="A month's")]
    text = write_question(SLIP, rules)
    assert "- net: Net pay (amount). A month's" in text
    assert "6: Net pay: 2,000.00" in text
    assert make_answer_schema(rules)["required"] == ["net"]


# --- What people set --------------------------------------------------------------------------


def test_a_corrected_value_stands_and_has_its_place_on_the_page() -> None:
    rules = [FieldRule(key="net", anchors=["Gross pay"], type="amount")]
    (found,) = correct(SLIP, extract_fields(SLIP, rules), rules, {"net": 2000.0})
    assert (found.value, found.confidence, found.source) == (2000.0, 1.0, "person")
    assert (found.lines, found.text) == ((6,), "2,000.00")


def test_a_corrected_value_that_the_page_does_not_say_has_no_place() -> None:
    rules = [FieldRule(key="net", anchors=["Gross pay"], type="amount")]
    (found,) = correct(SLIP, extract_fields(SLIP, rules), rules, {"net": 1.0})
    assert (found.value, found.at) == (1.0, None)


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    rules = [
        FieldRule(key="a", anchors=["Total", "Net pay"], type="amount"),
        FieldRule(key="b", by="pattern", pattern="[a-z]+[0-9]+", type="code"),
        FieldRule(key="c", anchors=["Date"], type="date", where="below"),
    ]
    for each in extract_fields(read_lines(text.splitlines()), rules):
        assert each.confidence is not None
        assert 0 <= each.confidence <= 1
