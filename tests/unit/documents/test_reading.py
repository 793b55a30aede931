"""What stands in a PDF with text is read with its places, whichever way the page lies."""

from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF
from PIL import Image

from flows.documents.errors import Unreadable
from flows.documents.model import Page, ReadDocument
from flows.documents.reading import Cancelled, ReadOptions, read_document
from flows.documents.rendering import PageImage
from tests.factories.files import draw_page, make_pdf, make_pdf_of_images, write

TABLE = [["Item", "Quantity", "Price"], ["Chair and table", "2", "10.00"], ["Lamp", "1", "5.50"]]
TEXT_ONLY = ReadOptions(engine="text")


def read(path: Path, options: ReadOptions = TEXT_ONLY) -> ReadDocument:
    return read_document(path, {"artifact": "0" * 64}, options).document


def make_table(*, borders: str = "ALL") -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    with pdf.table(borders_layout=borders) as table:
        for cells in TABLE:
            row = table.row()
            for cell in cells:
                row.cell(cell)
    return bytes(pdf.output())


def test_lines_are_numbered_through_the_document(tmp_path: Path) -> None:
    found = read(write(tmp_path, "a", make_pdf(["One", "Two words"], ["Three"])))
    lines = [line for page in found.pages for line in page.lines]
    assert [(line.number, line.text) for line in lines] == [
        (1, "One"), (2, "Two words"), (3, "Three")
    ]  # fmt: skip
    assert found.text == "One\nTwo words\nThree"
    assert [word.text for word in lines[1].words] == ["Two", "words"]
    assert (found.media_type, found.confidence) == ("application/pdf", 1)
    assert found.engine.startswith("pdfium ")
    assert {page.source for page in found.pages} == {"text"}


def is_ink_at(page: Page, image: Image.Image) -> bool:
    """Return whether something dark stands in the box of each word, and nothing beside them."""
    grey = image.convert("L")
    for word in [word for line in page.lines for word in line.words]:
        left, top, width, height = word.at
        cut = (
            round(left * grey.width), round(top * grey.height),
            round((left + width) * grey.width), round((top + height) * grey.height),
        )  # fmt: skip
        if min(grey.crop(cut).tobytes()) > 128:
            return False
        grey.paste(255, (cut[0] - 2, cut[1] - 2, cut[2] + 2, cut[3] + 2))
    return min(grey.tobytes()) > 128


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_places_are_those_on_the_upright_image(tmp_path: Path, rotation: int) -> None:
    document = pypdfium2.PdfDocument(make_pdf(["Hello out there", "and here"]))
    document[0].set_rotation(rotation)
    document[0].set_cropbox(20, 300, 560, 830)
    document.save(tmp_path / "turned")
    kept: list[Image.Image] = []

    def keep(page: PageImage) -> dict[str, str]:
        kept.append(Image.open(page.path).copy())
        return {"artifact": "1" * 64}

    found = read(tmp_path / "turned", ReadOptions(engine="text", keep_image=keep))
    (page,) = found.pages
    assert page.turned == -rotation % 360
    assert [line.text for line in page.lines] == ["Hello out there", "and here"]
    assert (page.width, page.height) == (540, 530)
    assert page.image == {"artifact": "1" * 64}
    assert is_ink_at(page, kept[0])


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_text_that_lies_on_its_side_is_put_upright(tmp_path: Path, angle: int) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    pdf.add_page()
    with pdf.rotation(angle, x=100, y=140):
        pdf.text(60, 140, "Read me from the side")
    (page,) = read(write(tmp_path, "a", bytes(pdf.output()))).pages
    assert page.turned == angle
    assert [line.text for line in page.lines] == ["Read me from the side"]


@pytest.mark.parametrize("borders", ["ALL", "NONE"])
def test_a_table_has_rows_ruled_or_not(tmp_path: Path, borders: str) -> None:
    (page,) = read(write(tmp_path, "a", make_table(borders=borders))).pages
    (table,) = page.tables
    assert table.rows == TABLE
    assert table.lines == [1, 2, 3]


def test_a_cell_that_spans_stands_in_the_first(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    with pdf.table() as table:
        row = table.row()
        row.cell("Both columns of it", colspan=2)
        row.cell("Alone")
        row = table.row()
        for cell in ("a", "b", "c"):
            row.cell(cell)
    (page,) = read(write(tmp_path, "a", bytes(pdf.output()))).pages
    assert page.tables[0].rows == [["Both columns of it", "", "Alone"], ["a", "b", "c"]]


def test_prose_is_no_table(tmp_path: Path) -> None:
    lines = ["This is a letter with some lines of prose in it", "and nothing else, so that"] * 4
    assert read(write(tmp_path, "a", make_pdf(lines))).pages[0].tables == []


def test_a_page_without_text_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf_of_images([draw_page()]))
    (page,) = read(path).pages
    assert (page.source, page.lines) == ("none", [])
    assert page.problem == (
        "The page has no text of its own, and is not to be recognised. Choose the engine `auto`."
    )


def test_without_an_engine_a_scan_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _program: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    path = write(tmp_path, "a", make_pdf_of_images([draw_page()]))
    found = read(path, ReadOptions())
    assert found.engine == "none"
    assert "No engine to recognise text is installed here. Install tesseract" in (
        found.pages[0].problem or ""
    )
    with pytest.raises(Unreadable, match="tesseract is not installed here"):
        read(path, ReadOptions(engine="tesseract"))


def test_an_empty_page_is_read_as_empty(tmp_path: Path) -> None:
    (page,) = read(write(tmp_path, "a", make_pdf([])), ReadOptions()).pages
    assert (page.source, page.lines, page.confidence, page.problem) == ("text", [], None, None)


def test_only_the_pages_asked_for_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One", "Two", "Three"))
    found = read(path, ReadOptions(engine="text", ranges=[(2, 3)]))
    assert [(page.number, page.lines[0].number) for page in found.pages] == [(2, 1), (3, 2)]


def test_a_page_that_is_not_there_does_not_lose_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One"))
    found = read(path, ReadOptions(engine="text", ranges=[(1, 2)]))
    assert found.text == "One"
    assert [page.number for page in found.pages] == [1]


def test_a_document_of_which_no_page_can_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="none of them was chosen"):
        read(write(tmp_path, "a", make_pdf("One")), ReadOptions(ranges=[(7, 7)]))


def test_reading_ends_between_pages_when_it_is_cancelled(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One"))
    with pytest.raises(Cancelled):
        read(path, ReadOptions(is_cancelled=lambda: True))
