"""Payslips and forms, read and compared: the short form of `python -m bench.documents`."""

import pytest

from bench.documents.__main__ import write_report
from bench.documents.choosing import UNSEEN_LAYOUT, choose_threshold, invent_halves
from bench.documents.measuring import Measured, measure
from bench.documents.papers import LAYOUTS, invent
from examples.consumer_loan.documents import is_ocr_installed

COUNT = 20
PAPERS = list(invent(COUNT))


def wrong(measured: Measured, threshold: float) -> list[str]:
    return [each.key for each in measured.send_on(threshold) if not each.is_right]


def test_the_same_seed_invents_the_same_papers_in_all_layouts_and_fonts() -> None:
    assert list(invent(COUNT)) == PAPERS
    assert {(each.layout, each.font) for each in PAPERS} == {
        (layout, font) for layout in LAYOUTS for font in ("Helvetica", "Times")
    }


def test_every_value_is_found_in_the_text_of_a_file() -> None:
    measured = measure(PAPERS, engine="text")
    assert measured.accuracy == 1.0
    assert len({each.paper.number for each in measured.send_on(0.95)}) == COUNT
    assert "20 papers, 180 fields, 100.00% of them right" in write_report(measured)


@pytest.mark.timeout(600)
@pytest.mark.skipif(not is_ocr_installed(), reason="needs an OCR engine")
def test_what_is_found_on_scans_is_right_where_it_is_sure() -> None:
    measured = measure(PAPERS)
    assert measured.accuracy >= 0.92
    assert measured.calibration_error <= 0.12
    assert wrong(measured, 0.9) == []


def test_the_threshold_is_shown_on_papers_and_a_layout_it_was_not_chosen_on() -> None:
    chosen_on, shown_on = invent_halves(40)
    assert UNSEEN_LAYOUT not in {each.layout for each in chosen_on}
    assert UNSEEN_LAYOUT in {each.layout for each in shown_on}
    assert not {each.iban for each in chosen_on} & {each.iban for each in shown_on}
    assert not {each.number for each in chosen_on} & {each.number for each in shown_on}


def test_few_papers_without_a_wrong_value_choose_no_threshold() -> None:
    assert choose_threshold(measure(PAPERS, engine="text")) is None
    many = measure(list(invent(30)), engine="text")
    assert choose_threshold(many) == 0.5
