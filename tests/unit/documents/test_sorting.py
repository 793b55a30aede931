"""Kinds of documents by phrases or a model, and scans of many taken apart."""

import pytest

from flows.documents.classifying import KindRule, make_answer_schema, sort_by_phrases, take_answer
from flows.documents.model import ReadDocument
from flows.documents.splitting import split
from tests.factories.documents import read_lines

KINDS = [
    KindRule(kind="payslip", phrases={"Payslip": 4, "Net pay": 2}),
    KindRule(kind="invoice", phrases={"Invoice": 4, "Amount due": 2}),
]
SLIP = read_lines(["Paysl1p", "Net pay  1,000.00"])


def test_a_kind_is_told_by_its_phrases_though_misread() -> None:
    found = sort_by_phrases(SLIP, KINDS, "other")
    assert found.kind == "payslip"
    assert found.confidence == pytest.approx((6 + 0.25) / (6 + 0.5), abs=0.01)
    assert [(each.text, each.line) for each in found.evidence] == [("Payslip", 1), ("Net pay", 2)]
    assert found.as_json()["reasons"][0]["detail"] == "Page 1, line 1"


def test_phrases_of_two_kinds_make_neither_sure_and_speak_against_each_other() -> None:
    found = sort_by_phrases(read_lines(["Payslip", "Invoice"]), KINDS, "other")
    assert found.confidence == 0.5
    assert sorted(each["contribution"] for each in found.as_json()["reasons"]) == [-4, 4]


def test_a_text_without_a_phrase_is_something_else() -> None:
    found = sort_by_phrases(read_lines(["Dear Anna"]), KINDS, "other")
    assert (found.kind, found.confidence) == ("other", 0.5)


def test_a_phrase_that_was_read_badly_counts_less() -> None:
    clear = sort_by_phrases(read_lines(["Payslip"]), KINDS, "other")
    weak = sort_by_phrases(read_lines(["Payslip"], confidence=0.5), KINDS, "other")
    assert clear.confidence is not None
    assert weak.confidence is not None
    assert weak.confidence < clear.confidence


def test_a_model_s_kind_rests_on_lines_or_is_not_trusted() -> None:
    assert make_answer_schema(KINDS, "other")["properties"]["kind"]["enum"] == [
        "payslip", "invoice", "other",
    ]  # fmt: skip
    found = take_answer(SLIP, {"kind": "payslip", "lines": [2]}, 0.97, "other")
    assert (found.confidence, [each.line for each in found.evidence]) == (0.97, [2])
    assert take_answer(SLIP, {"kind": "payslip", "lines": [99]}, 0.97, "other").confidence == 0.0


# --- Splitting --------------------------------------------------------------------------------

SCAN = read_lines(
    ["Invoice", "Amount due  10.00", "Page 1 of 2"],
    ["Invoice, continued", "More of it", "Page 2 of 2"],
    ["Payslip", "Net pay  1.00"],
    [],
    ["Dear Anna", "a letter"],
)


def test_a_scan_of_many_is_split_with_a_reason_for_each_beginning() -> None:
    parts = split(SCAN, KINDS, "other")
    assert [(each["kind"], each["pages"]) for each in parts] == [
        ("invoice", [1, 2]),
        ("payslip", [3]),
        ("other", [5]),
    ]
    assert [each["reasons"] for each in parts] == [
        ["“Invoice” heads page 1", "The first page"],
        ["“Payslip” heads page 3"],
        ["A blank page stands before it"],
    ]


def test_a_part_is_a_document_whose_pages_and_lines_keep_their_numbers() -> None:
    part = ReadDocument.model_validate(split(SCAN, KINDS, "other")[1]["document"])
    assert [page.number for page in part.pages] == [3]
    assert part.text == "Payslip\nNet pay 1.00"
    assert part.pages[0].lines[0].number == 7
    assert part.artifact == SCAN.artifact


def test_every_page_with_text_is_in_one_part() -> None:
    parts = split(SCAN, KINDS, "other", keep_blank=True)
    assert [page for each in parts for page in each["pages"]] == [1, 2, 3, 4, 5]


def test_a_page_number_that_begins_anew_begins_a_document() -> None:
    scan = read_lines(["a", "Seite 1 von 1"], ["b", "Seite 1 von 2"], ["c", "Seite 2 von 2"])
    assert [each["pages"] for each in split(scan, KINDS, "other")] == [[1], [2, 3]]


def test_a_document_without_text_has_no_parts() -> None:
    assert split(read_lines([], []), KINDS, "other") == []
