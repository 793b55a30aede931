"""Scans are recognised by the engines that are installed here; both really run."""

import sys
import time
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont

from flows.documents.errors import Unreadable
from flows.documents.model import ReadDocument
from flows.documents.ocr.engines import find_engine
from flows.documents.reading import ReadOptions, read_document
from tests.factories.files import (
    PAYSLIP,
    as_bytes,
    count_errors,
    draw_page,
    make_pdf,
    make_pdf_of_images,
    write,
)
from tools.programs import is_installed

# A page takes seconds, while other tests run beside it.
pytestmark = pytest.mark.timeout(240)
MEANT = "\n".join(" ".join(line.split()) for line in PAYSLIP)
# Of all characters, beside spaces lost: what the engines were seen to have wrong, with some room.
MOST_ERRORS = 0.02


@pytest.fixture(params=["rapidocr", "tesseract"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "tesseract" and not is_installed("tesseract"):
        pytest.skip("not installed: tesseract-ocr")
    return str(request.param)


def read(path: Path, engine: str) -> ReadDocument:
    options = ReadOptions(engine=engine)  # type: ignore[arg-type]
    return read_document(path, {"artifact": "0" * 64}, options).document


def print_figures(line: str) -> None:
    """``pytest -s`` shows it."""
    sys.stdout.write(f"{line}\n")


def error_rate(found: ReadDocument) -> float:
    said, meant = found.text.replace(" ", ""), MEANT.replace(" ", "")
    return count_errors(said, meant) / len(meant)


@pytest.mark.parametrize(("skew", "noise"), [(0, 0), (2, 0), (-3, 18)])
def test_a_skewed_and_noisy_scan_is_read(
    tmp_path: Path, engine: str, skew: float, noise: float
) -> None:
    page = draw_page(skew=skew, noise=noise)
    path = write(tmp_path, "scan", as_bytes(page, "PNG", dpi=(200, 200)))
    began = time.monotonic()
    found = read(path, engine)
    seconds = time.monotonic() - began
    rate = error_rate(found)
    print_figures(f"{engine}, skew {skew}°, noise {noise}: {rate:.3f} wrong, {seconds:.1f} s")
    assert rate <= MOST_ERRORS
    assert found.pages[0].skew == pytest.approx(-skew, abs=0.3)
    assert found.pages[0].source == "ocr"
    assert found.engine.startswith(engine)
    assert 0.5 < (found.confidence or 0) <= 1


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_that_lies_is_turned(tmp_path: Path, engine: str, turned: int) -> None:
    page = draw_page(skew=1.5).rotate(turned, expand=True)  # the other way than clockwise
    found = read(write(tmp_path, "scan", as_bytes(page, "PNG", dpi=(200, 200))), engine)
    assert found.pages[0].turned == turned
    assert (found.pages[0].width, found.pages[0].height) == pytest.approx((595, 842), abs=1)
    assert error_rate(found) <= MOST_ERRORS
    left, top, _, _ = found.pages[0].lines[0].at
    assert (left, top) == pytest.approx((0.09, 0.07), abs=0.02)


def test_lines_and_words_have_places_and_confidences(tmp_path: Path, engine: str) -> None:
    path = write(tmp_path, "scan", as_bytes(draw_page(), "PNG", dpi=(200, 200)))
    line = read(path, engine).pages[0].lines[2]
    assert line.text.startswith("Employee: Jane")
    assert line.confidence == min(word.confidence for word in line.words)
    lefts = [word.at[0] for word in line.words]
    assert lefts == sorted(lefts)
    assert lefts[0] == pytest.approx(150 / 1654, abs=0.01)
    middle = line.at[1] + line.at[3] / 2
    assert middle == pytest.approx((170 + 2 * 34 * 2.4 + 20) / 2339, abs=0.01)


def test_a_document_of_text_and_scans_is_read_page_by_page(tmp_path: Path) -> None:
    both = pypdfium2.PdfDocument(make_pdf(["Typed by a person"]))
    both.import_pages(pypdfium2.PdfDocument(make_pdf_of_images([draw_page()])))
    both.save(tmp_path / "both")
    found = read(tmp_path / "both", "auto")
    assert [page.source for page in found.pages] == ["text", "ocr"]
    assert found.pages[1].lines[0].number == 2
    typed, _, recognised = found.engine.partition(", ")
    assert typed.startswith("pdfium ")
    assert recognised == find_engine(None).label


def test_the_table_of_a_scan_is_found_by_its_rules(tmp_path: Path, engine: str) -> None:
    page = draw_page([])
    drawing = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=36)
    rows = [["Item", "Amount"], ["Chair", "10.00"], ["Lamp", "25.50"]]
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            drawing.text((180 + column * 600, 320 + at * 100), cell, fill=0, font=font)
    for at in range(4):
        drawing.line((150, 300 + at * 100, 1350, 300 + at * 100), fill=0, width=3)
    for column in range(3):
        drawing.line((150 + column * 600, 300, 150 + column * 600, 600), fill=0, width=3)
    found = read(write(tmp_path, "scan", as_bytes(page, "PNG", dpi=(200, 200))), engine)
    (table,) = found.pages[0].tables
    assert table.rows == rows
    assert table.at[0] == pytest.approx(150 / 1654, abs=0.02)


def test_an_empty_scan_has_no_lines(tmp_path: Path, engine: str) -> None:
    blank = Image.new("L", (1654, 2339), 255)
    found = read(write(tmp_path, "scan", as_bytes(blank, "PNG", dpi=(200, 200))), engine)
    assert (found.pages[0].source, found.pages[0].lines, found.confidence) == ("ocr", [], None)


def test_a_language_that_is_not_installed_is_named() -> None:
    if not is_installed("tesseract"):
        pytest.skip("not installed: tesseract-ocr")
    with pytest.raises(Unreadable, match="apt-get install tesseract-ocr-xxx"):
        find_engine("tesseract", "en+xxx")
