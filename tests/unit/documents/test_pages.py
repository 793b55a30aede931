"""Pages of PDF files as images: which, how large, and what no file can make the process do."""

import io
import time

import pytest
from PIL import Image

from flows.documents import pages
from flows.documents.pages import PageLimits, PagesRefused, draw_pages, is_pdf, read_ranges
from tests.factories.pdf import make_endless_pdf, make_huge_image_pdf, make_pdf, make_raw_pdf
from workbench.apart.children import Children


@pytest.fixture(scope="module")
def five() -> bytes:
    return make_pdf(5)


def refuse(content: bytes, chosen: str = "", limits: PageLimits = PageLimits()) -> tuple[str, str]:
    with pytest.raises(PagesRefused) as refused:
        draw_pages(content, chosen, limits)
    return refused.value.kind, str(refused.value)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a file three seconds."""
    children = Children(
        "flows.documents.page_program", most=2, seconds=3.0, seconds_to_wait=0.1, keep=False
    )
    monkeypatch.setattr(pages, "_children", children)


def test_each_page_is_an_image_with_what_stands_on_it(five: bytes) -> None:
    drawn = draw_pages(five)
    assert [each.number for each in drawn] == [1, 2, 3, 4, 5]
    assert {(each.media_type, each.width, each.height) for each in drawn} == {
        ("image/png", 1240, 1755)
    }
    assert len({each.content for each in drawn}) == 5
    image = Image.open(io.BytesIO(drawn[0].content)).convert("L")
    assert image.size == (1240, 1755)
    assert image.getextrema() == (0, 255), "black on white"


def test_pages_are_chosen_as_in_a_dialog_for_printing(five: bytes) -> None:
    assert [each.number for each in draw_pages(five, " 4-, 1,2 - 2, 1")] == [1, 2, 4, 5]
    assert read_ranges("") == []


@pytest.mark.parametrize("chosen", ["0", "3-1", "a", "-2", "1-2-3", "²", "1;2", "9999999"])
def test_a_choice_that_is_none_is_refused(five: bytes, chosen: str) -> None:
    kind, message = refuse(five, chosen)
    assert kind == "config"
    assert chosen in message


def test_a_page_beyond_the_last_is_refused(five: bytes) -> None:
    assert refuse(five, "2, 5-6") == (
        "config",
        "it has 5 pages; page 6 was chosen. Choose others.",
    )


def test_more_pages_than_are_sent_must_be_chosen_from(five: bytes) -> None:
    kind, message = refuse(five, limits=PageLimits(most_pages=4))
    assert (kind, "5 of its 5 pages" in message) == ("too_large", True)
    assert len(draw_pages(five, "2-5", PageLimits(most_pages=4))) == 4


def test_more_bytes_than_are_sent_are_refused(five: bytes) -> None:
    assert refuse(five, limits=PageLimits(most_bytes=10_000))[0] == "too_large"


@pytest.mark.parametrize("box", ["0 0 14400 14400", "0 0 14400 3", "0 0 900000 900000"])
def test_a_page_of_any_size_has_no_side_beyond_the_longest(box: str) -> None:
    [page] = draw_pages(make_raw_pdf(b"0 0 9 9 re f", box))
    assert max(page.width, page.height) <= 2001


def test_a_photo_is_sent_as_jpeg() -> None:
    noise = Image.effect_noise((1500, 1500), 90).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "PDF")
    [page] = draw_pages(written.getvalue())
    assert page.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(page.content)).size == (page.width, page.height)


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7", b"no pdf", b"%PDF-1.7\n" + b"\xff" * 5_000, make_pdf()[:400]],
)
def test_a_broken_file_is_refused(content: bytes) -> None:
    kind, message = refuse(content)
    assert kind == "unreadable"
    assert "broken" in message


def test_an_encrypted_file_is_refused() -> None:
    assert refuse(make_pdf(password="secret")) == (
        "unreadable",
        "it is encrypted. Save it without a password.",
    )


def test_a_file_that_is_only_locked_against_changes_is_drawn() -> None:
    assert draw_pages(make_pdf(password=""))


@pytest.mark.usefixtures("hurried")
def test_a_file_that_takes_hours_is_ended() -> None:
    began = time.monotonic()
    kind, message = refuse(make_endless_pdf())
    assert (kind, "too long" in message) == ("unreadable", True)
    assert time.monotonic() - began < 20


def test_an_enormous_image_is_left_out_of_its_page() -> None:
    [page] = draw_pages(make_huge_image_pdf())
    assert (page.width, page.height) == (2000, 2000)


def test_no_process_draws_a_second_file(five: bytes) -> None:
    draw_pages(five, "1")
    assert pages._children._idle == []
    assert refuse(b"%PDF-1.7")[0] == "unreadable"
    assert len(draw_pages(five, "1")) == 1


@pytest.mark.usefixtures("hurried")
def test_where_too_many_are_drawn_it_is_to_be_tried_again(five: bytes) -> None:
    places = pages._children._places
    taken = [places.acquire(), places.acquire()]
    try:
        assert refuse(five)[0] == "busy"
    finally:
        places.release(len(taken))


def test_a_pdf_is_known_by_its_beginning() -> None:
    assert is_pdf(b"\xef\xbb\xbf%PDF-1.4")
    assert not is_pdf(b"\x89PNG")
