"""Files that are made to cost: each is read or refused within bounded time and memory.

``pytest -s`` prints the figures that docs/documents.md has.
"""

import contextlib
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image

from flows.documents import rendering
from flows.documents.child import MOST_BYTES
from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from flows.documents.reading import ReadOptions, read_document
from flows.documents.rendering import inspect_file, render_page
from tests.factories.files import encrypt_pdf, make_pdf, make_zip, write
from workbench.apart.children import Children

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """A child of its own for each test, whose peak is that of the file alone."""
    fresh = Children("flows.documents.child", most=1, seconds=20)
    monkeypatch.setattr(rendering, "_children", fresh)
    yield fresh
    fresh.end()


@contextmanager
def measured(name: str, child: Children) -> Iterator[None]:
    """Print the seconds and the peak of memory, where the child has outlived the file."""
    began = time.monotonic()
    yield
    seconds, peak = time.monotonic() - began, read_peak(child)
    sys.stdout.write(f"{name}: {seconds:.1f} s, {f'{peak} MB' if peak else 'ended at its bound'}\n")
    assert peak * 1024 * 1024 <= MOST_BYTES


def read_peak(child: Children) -> int:
    if not child._idle:
        return 0
    status = Path(f"/proc/{child._idle[0]._process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def make_large_image_pdf(side: int) -> bytes:
    """Return a small PDF with an image of ``side`` by ``side`` grey pixels, well compressed."""
    packer, row = zlib.compressobj(9), bytes(side)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
        b"/BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n"
    )
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R "
        b"/Resources << /XObject << /Im 5 0 R >> >> >>"
    )
    content = b"q 500 0 0 500 50 50 cm /Im Do Q"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream",
        head % (side, side, len(data)) + data + b"\nendstream",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    return made + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, start
    )  # fmt: skip


def test_a_pdf_of_300_pages(tmp_path: Path, child: Children) -> None:
    page = [f"Line {at} of a page with some words in it, as letters have" for at in range(45)]
    path = write(tmp_path, "a", make_pdf(*[page] * 300, size=10))
    with measured("300 pages of text", child):
        found = read_document(path, {}, ReadOptions(engine="text")).document
    assert len(found.pages) == 300
    assert found.pages[299].lines[-1].number == 300 * 45


def test_a_tiff_of_100_megabytes(tmp_path: Path, child: Children) -> None:
    path = tmp_path / "a.tif"
    Image.effect_noise((10_000, 10_000), 40).save(path)
    assert path.stat().st_size > 100_000_000
    with measured("a TIFF of 100 MB", child):
        page = render_page(path, tmp_path, 1)
    assert max(page.width, page.height) == 5000


def test_a_colour_image_of_as_many_pixels_as_are_read(tmp_path: Path, child: Children) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (10_950, 10_950), (9, 9, 9, 128)).save(path, compress_level=1)
    with measured("a PNG of 120 million pixels with transparency", child):
        render_page(path, tmp_path, 1)


def test_a_pdf_with_an_image_of_a_billion_pixels(tmp_path: Path, child: Children) -> None:
    path = write(tmp_path, "a", make_large_image_pdf(32_000))
    assert path.stat().st_size < 2_000_000
    with (
        measured("a PDF with an image of 10^9 pixels", child),
        pytest.raises(Unreadable, match="32,000 by 32,000 pixels; at most 120,000,000"),
    ):
        render_page(path, tmp_path, 1)


def test_where_the_pixels_are_not_counted_memory_is_the_bound(
    tmp_path: Path, child: Children
) -> None:
    path = write(tmp_path, "a", make_large_image_pdf(32_000))
    with measured("the same, uncounted", child), contextlib.suppress(Unreadable):
        render_page(path, tmp_path, 1, limits=Limits(most_pixels=10**10))


def test_an_image_of_a_billion_pixels(tmp_path: Path, child: Children) -> None:
    path = tmp_path / "a.png"
    Image.new("1", (32_000, 32_000)).save(path)
    with (
        measured("a PNG of 10^9 pixels", child),
        pytest.raises(Unreadable, match="at most 120,000,000 pixels"),
    ):
        render_page(path, tmp_path, 1)


def test_a_line_of_100_000_pixels(tmp_path: Path, child: Children) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (1, 100_000)).save(path)
    with measured("1 by 100,000 pixels", child), pytest.raises(Unreadable, match="no page"):
        render_page(path, tmp_path, 1)


def test_a_zip_bomb_in_a_word_document(tmp_path: Path, child: Children) -> None:
    path = write(tmp_path, "a.docx", make_zip(["word/document.xml"], bytes(300_000_000)))
    assert path.stat().st_size < 400_000
    with (
        measured("a docx that unpacks to 300 MB", child),
        pytest.raises(Unreadable, match=r"wordprocessingml.*Save it as a PDF"),
    ):
        inspect_file(path)


def test_an_encrypted_pdf(tmp_path: Path, child: Children) -> None:
    path = write(tmp_path, "a", encrypt_pdf(["Secret"], "open sesame"))
    with measured("an encrypted PDF", child), pytest.raises(Unreadable, match="without a password"):
        inspect_file(path)


def test_a_polyglot(tmp_path: Path, child: Children) -> None:
    path = write(tmp_path, "a", make_pdf("Hello") + make_zip(["a.html"]))
    with measured("a PDF that is a ZIP too", child), pytest.raises(Unreadable, match="at once"):
        inspect_file(path)


def test_a_pdf_that_ends_early(tmp_path: Path, child: Children) -> None:
    whole = make_pdf(*["Hello"] * 50)
    path = write(tmp_path, "a", whole[: len(whole) // 2])
    with measured("half a PDF", child), pytest.raises(Unreadable, match="ends early"):
        inspect_file(path)


def test_a_page_of_100_000_strokes(tmp_path: Path, child: Children) -> None:
    pdf = FPDF()
    pdf.add_page()
    for at in range(100_000):
        pdf.line(at % 200, 0, 0, at % 290)
    path = write(tmp_path, "a", bytes(pdf.output()))
    options = ReadOptions(engine="text", limits=Limits(page_seconds=10))
    with measured("a page of 100,000 strokes", child), contextlib.suppress(Unreadable):
        read_document(path, {}, options)


@pytest.mark.parametrize("gap", [1, 30])
def test_a_page_of_as_many_words_as_are_read(tmp_path: Path, child: Children, gap: int) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=3)
    pdf.add_page()
    for number in range(250):
        pdf.text(0, 1 + number * 1.18, ("a" + " " * gap) * (230 // (gap + 1)))
    path = write(tmp_path, "a", bytes(pdf.output()))
    with measured(f"a page of 60,000 characters, gaps of {gap}", child):
        read_document(path, {}, ReadOptions(engine="text"))


def test_a_page_of_1_000_rules(tmp_path: Path, child: Children) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=4)
    pdf.add_page()
    for at in range(140):
        pdf.line(5, 5 + at * 2, 205, 5 + at * 2)
        pdf.line(5 + at * 1.4, 5, 5 + at * 1.4, 285)
        pdf.text(6, 6.5 + at * 2, "x " * 120)
    path = write(tmp_path, "a", bytes(pdf.output()))
    with measured("a page with a table of 19,000 cells", child):
        (page,) = read_document(path, {}, ReadOptions(engine="text")).document.pages
    assert len(page.tables[0].rows) == 139


def test_what_takes_too_long_is_ended(tmp_path: Path, child: Children) -> None:
    path = write(tmp_path, "a", make_large_image_pdf(10_000))
    with pytest.raises(Unreadable, match="takes too long") as refused:
        render_page(path, tmp_path, 1, limits=Limits(page_seconds=0.001))
    assert refused.value.code == "too_slow"
    assert render_page(write(tmp_path, "b", make_pdf("Hello")), tmp_path, 1).width
