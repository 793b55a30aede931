"""Checks of extracted fields, their flags, and what they make of the confidence."""

from typing import Any

import pytest

from flows.documents.extraction.fields import Extracted
from flows.documents.validators import Check, judge, list_flags, weigh


def fields(confidence: float = 0.9, **values: Any) -> list[Extracted]:
    return [Extracted(key, key.title(), value, str(value), confidence)
            for key, value in values.items()]  # fmt: skip


def check(found: list[Extracted], **config: Any) -> tuple[bool | None, str]:
    (verdict,) = judge([Check.model_validate(config)], found, {"input": {"limit": 5}})
    return verdict.holds, verdict.detail


@pytest.mark.parametrize(("total", "holds"), [(119.0, True), (119.01, True), (120.0, False)])
def test_the_parts_make_the_total(total: float, holds: bool) -> None:
    found = fields(net=100.0, vat=19.0, total=total)
    assert check(found, kind="sum", fields=["net", "vat"], total="total")[0] is holds


def test_a_column_is_summed() -> None:
    found = fields(lines=[100.0, 50.0], total=151.0)
    holds, detail = check(found, kind="sum", fields=["lines"], total="total")
    assert (holds, detail) == (False, "Lines make 150.00; Total is 151.00.")


@pytest.mark.parametrize(("due", "holds"), [("2026-03-31", True), ("2026-02-01", False)])
def test_a_date_is_not_before_the_one_before_it(due: str, holds: bool) -> None:
    found = fields(date="2026-03-02", due=due)
    assert check(found, kind="order", fields=["date", "due"])[0] is holds


@pytest.mark.parametrize(
    ("format_", "right", "wrong"),
    [
        ("iban", "DE89370400440532013000", "DE88370400440532013000"),
        ("isin", "US0378331005", "US0378331006"),
        ("luhn", "78949", "78948"),
        ("de.idnr", "36574261809", "36574261890"),
        ("nl.bsn", "111222333", "111222334"),
    ],
)
def test_check_digits_are_those_of_the_number_s_own_rule(
    format_: str, right: str, wrong: str
) -> None:
    for value, holds in ((right, True), (wrong, False)):
        assert (
            check(fields(it=value), kind="check_digits", fields=["it"], format=format_)[0] is holds
        )


def test_the_same_is_said_elsewhere_whatever_its_case_and_spaces() -> None:
    found = fields(name="Anna  BÈRG")
    assert check(found, kind="same", fields=["name"], to="anna berg")[0] is True
    assert check(found, kind="same", fields=["name"], to="Anne Berg")[0] is False
    assert check(fields(a=5, b=5.0), kind="same", fields=["a", "b"])[0] is True


def test_a_rule_speaks_of_the_values_and_of_the_run() -> None:
    found = fields(total=6.0)
    assert check(found, kind="rule", rule="item.total > 5.0")[0] is True
    assert check(found, kind="rule", rule="item.total < double(input.limit)")[0] is False


def test_a_check_whose_fields_are_missing_says_nothing() -> None:
    found = fields(net=None, vat=1.0, total=2.0)
    assert check(found, kind="sum", fields=["net", "vat"], total="total")[0] is None


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"kind": "sum", "fields": ["a"]}, "needs `total`"),
        ({"kind": "order", "fields": ["a"]}, "needs `fields`"),
        ({"kind": "check_digits", "fields": ["a"]}, "needs `format`"),
        ({"kind": "check_digits", "fields": ["a"], "format": "os.path"}, "no format"),
        ({"kind": "check_digits", "fields": ["a"], "format": "../x"}, "no format"),
        ({"kind": "same", "fields": ["a"]}, "needs `to`"),
        ({"kind": "rule"}, "needs `rule`"),
    ],
)
def test_a_check_without_what_it_needs_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Check.model_validate(config)


def test_a_failed_check_takes_confidence_and_a_proof_gives_it() -> None:
    found = fields(0.9, net=100.0, vat=19.0, total=120.0, other=1)
    checks = [Check(kind="sum", fields=["net", "vat"], total="total")]
    assert [each.confidence for each in weigh(found, judge(checks, found, {}))] == [
        0.3, 0.3, 0.3, 0.9,
    ]  # fmt: skip
    found = fields(0.9, net=100.0, vat=19.0, total=119.0)
    assert {each.confidence for each in weigh(found, judge(checks, found, {}))} == {0.99}


def test_what_is_missing_absent_or_wrong_is_a_flag() -> None:
    found = [
        Extracted("a", "Number"),
        Extracted("b", "Total", "9", "9", 0.0, not_found_in_text=True),
        Extracted("c", "Due", refusal="It is no date."),
        Extracted("d", "Note"),
        *fields(iban="DE00"),
    ]
    verdicts = judge([Check(kind="check_digits", fields=["iban"], format="iban")], found, {})
    flags = list(list_flags(found, frozenset({"a"}), verdicts))
    assert [(each["label"], each["level"]) for each in flags] == [
        ("No Number", "warning"),
        ("Total is not in the text", "critical"),
        ("Due cannot be read", "warning"),
        ("The check digits are wrong", "critical"),
    ]
    assert flags[-1]["detail"] == "The check digits do not hold: Iban DE00."
