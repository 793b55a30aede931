"""Pages become images, upright and on white; what is no page is refused with what to do."""

import tempfile
from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from flows.documents.errors import Unreadable
from flows.documents.limits import Limits
from flows.documents.rendering import inspect_file, render_page, render_pages
from tests.factories.files import as_bytes, encrypt_pdf, make_pdf, write

register_heif_opener()


def test_each_page_of_a_pdf_becomes_an_image(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One", "Two"))
    pages = list(render_pages(path, tmp_path, dpi=144))
    assert [page.number for page in pages] == [1, 2]
    assert (pages[0].width, pages[0].height) == (1191, 1684)
    assert pages[0].points == pytest.approx((595.28, 841.89), abs=0.01)
    assert Image.open(pages[1].path).getpixel((5, 5)) == (255, 255, 255)


def test_a_page_may_be_a_jpeg(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One"))
    (page,) = render_pages(path, tmp_path, media_type="image/jpeg")
    assert page.read().startswith(b"\xff\xd8\xff")


def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    frames = [Image.new(mode, (400, 600)) for mode in ("RGB", "1", "L")]
    content = as_bytes(frames[0], "TIFF", save_all=True, append_images=frames[1:], dpi=(200, 200))
    path = write(tmp_path, "a.tif", content)
    assert inspect_file(path).pages == 3
    assert [(page.width, page.height) for page in render_pages(path, tmp_path, dpi=100)] == [
        (200, 300)
    ] * 3


def test_a_fax_with_flat_pixels_gets_its_shape_back(tmp_path: Path) -> None:
    fax = as_bytes(Image.new("1", (1728, 1100), 1), "TIFF", dpi=(204, 98))
    page = render_page(write(tmp_path, "fax", fax), tmp_path, 1, dpi=200)
    assert page.height / page.width == pytest.approx((1100 / 98) / (1728 / 204), abs=0.01)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "WEBP", "PNG"])
def test_a_photo_is_turned_as_its_camera_says(tmp_path: Path, form: str) -> None:
    photo = Image.new("RGB", (300, 200), "white")
    photo.paste("blue", (0, 0, 300, 40))  # the upper edge, which comes to stand at the right
    exif = photo.getexif()
    exif[0x0112] = 6
    path = write(tmp_path, "photo", as_bytes(photo, form, exif=exif))
    page = render_page(path, tmp_path, 1, dpi=200)
    assert (page.width, page.height) == (200, 300)
    red, _, blue = Image.open(page.path).convert("RGB").getpixel((195, 150))
    assert blue > 200
    assert red < 60


def test_a_photo_of_a_telephone_is_read(tmp_path: Path) -> None:
    photo = as_bytes(Image.new("RGB", (300, 200), "blue"), "HEIF")
    page = render_page(write(tmp_path, "IMG_0001.HEIC", photo), tmp_path, 1, dpi=200)
    assert (page.width, page.height) == (300, 200)
    assert Image.open(page.path).getpixel((150, 100))[2] > 200


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGBA", (100, 140), (0, 0, 0, 0)), 255),
        (Image.new("LA", (100, 140), (0, 0)), 255),
        (Image.new("I;16", (100, 140), 40_000), 156),
        (Image.new("1", (100, 140), 1), 255),
        (Image.new("P", (100, 140)), 0),
    ],
)
def test_every_kind_of_pixel_is_shown_on_white(
    tmp_path: Path, image: Image.Image, expected: int
) -> None:
    page = render_page(write(tmp_path, "a", as_bytes(image, "PNG")), tmp_path, 1)
    assert Image.open(page.path).convert("L").getpixel((5, 5)) == expected


def make_broken() -> dict[str, tuple[bytes, str]]:
    pdf, image = make_pdf("One" * 50), Image.effect_noise((300, 400), 50)
    return {
        "encrypted": (encrypt_pdf(["Secret"], "open sesame"), "encrypted"),
        "half a PDF": (pdf[: len(pdf) // 2], "broken"),
        "noise in a PDF": (b"%PDF-1.7\n" + bytes(2000) + b"%%EOF", "broken"),
        "half a PNG": (as_bytes(image, "PNG")[:20_000], "broken"),
        "half a JPEG": (as_bytes(image, "JPEG")[:9_000], "broken"),
        "half a TIFF": (as_bytes(image, "TIFF")[:20_000], "broken"),
        "half a HEIC": (as_bytes(image.convert("RGB"), "HEIF")[:3_000], "broken"),
        "a line": (as_bytes(Image.new("L", (1, 100_000)), "PNG"), "no_page"),
        "nothing": (b"", "empty"),
    }


@pytest.mark.parametrize("name", make_broken())
def test_what_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    content, code = make_broken()[name]
    with pytest.raises(Unreadable) as refused:
        list(render_pages(write(tmp_path, "file", content), tmp_path))
    assert refused.value.code == code
    assert refused.value.remedy.endswith(".")


def test_a_pdf_that_asks_for_no_password_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a", encrypt_pdf(["Hello"], ""))
    assert inspect_file(path).pages == 1


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(most_pages=1), "2 pages; at most 1"),
        (Limits(most_bytes=100), "at most 100"),
    ],
)
def test_what_is_too_large_is_refused(tmp_path: Path, limits: Limits, words: str) -> None:
    path = write(tmp_path, "a", make_pdf("One", "Two"))
    with pytest.raises(Unreadable, match=words):
        inspect_file(path, limits)


def test_a_page_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a", as_bytes(Image.new("L", (400, 300)), "PNG"))
    with pytest.raises(Unreadable, match="at most 100,000 pixels"):
        render_page(path, tmp_path, 1, limits=Limits(most_pixels=100_000))


def test_a_page_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no page 2; it has 1"):
        render_page(write(tmp_path, "a", make_pdf("One")), tmp_path, 2)


def test_a_large_page_is_shrunk(tmp_path: Path) -> None:
    path = write(tmp_path, "a", make_pdf("One"))
    with tempfile.TemporaryDirectory() as folder:
        page = render_page(path, Path(folder), 1, dpi=600, limits=Limits(most_side=1000))
        assert max(page.width, page.height) == 1000
