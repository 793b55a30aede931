"""Open a file and make page images of it. Only a child process does so."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from flows.documents.errors import Unreadable
from flows.documents.filetypes import PDF, TIFF, check_readable, find_media_type
from flows.documents.limits import Limits
from flows.documents.text_layer import TextLayer, read_text_layer

register_heif_opener(thumbnails=False)
# Ours is asked instead, and says what to do.
Image.MAX_IMAGE_PIXELS = None
warnings.simplefilter("ignore")

_FORMATS = ("PNG", "JPEG", "TIFF", "HEIF", "WEBP", "GIF", "BMP")
_POINTS = 72
# An image that does not say at what resolution it was taken, or not credibly.
_USUAL_DPI, _CREDIBLE_DPI = 200.0, (90.0, 2400.0)
_SEVERAL = 2
_END_OF_PDF = 65_536
_WRONG_PASSWORD = pdfium.FPDF_ERR_PASSWORD

_SEND_AGAIN = "Open it on your computer; if it opens there, save it anew, and send that."


class File(Protocol):
    """An opened file."""

    @property
    def page_count(self) -> int: ...

    def get_size(self, number: int) -> tuple[float, float]:
        """Return width and height of a page in points, upright as far as the file says."""

    def render(self, number: int, dpi: float) -> Image.Image:
        """Return a page as an image, on white."""

    def close(self) -> None: ...


def open_file(path: Path, limits: Limits) -> tuple[str, File]:
    """Return the media type and the opened file. Raises: Unreadable."""
    if path.stat().st_size > limits.most_bytes:
        raise Unreadable(
            "too_large",
            f"The file has {path.stat().st_size:,} bytes; at most {limits.most_bytes:,} are read.",
            "Send it in parts, or at a lower resolution.",
        )
    media_type = find_media_type(path)
    check_readable(media_type)
    opened: File
    with _explaining():
        opened = PdfFile(path, limits) if media_type == PDF else ImageFile(path, media_type, limits)
        if not opened.page_count:
            raise Unreadable("no_page", "The file has no page.", "Send it again.")
    return media_type, opened


def make_image(file: File, number: int, dpi: float, limits: Limits) -> Image.Image:
    """Return a page at the resolution, or at a lower one where it would be too large.

    Raises: Unreadable.
    """
    _check_number(file, number)
    with _explaining():
        width, height = file.get_size(number)
        longest = max(width, height) * dpi / _POINTS
        return file.render(number, dpi * min(limits.most_side / longest, 1))


def read_page(file: File, number: int) -> TextLayer | None:
    """Return the text that a page has in it; None for an image. Raises: Unreadable."""
    _check_number(file, number)
    with _explaining():
        return read_text_layer(file.get_page(number)) if isinstance(file, PdfFile) else None


def _check_number(file: File, number: int) -> None:
    """Raises: Unreadable."""
    if not 1 <= number <= file.page_count:
        raise Unreadable(
            "no_page", f"The file has no page {number}; it has {file.page_count}.",
            "Choose another page.",
        )  # fmt: skip


class PdfFile:
    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        _check_end(path)
        self.document = pypdfium2.PdfDocument(path)
        self._has_form = self.document.get_formtype() != pdfium.FORMTYPE_NONE
        if self._has_form:
            self.document.init_forms()

    @cached_property
    def page_count(self) -> int:
        return len(self.document)

    def get_page(self, number: int) -> pypdfium2.PdfPage:
        """Return a page, on which what was filled into its form is text like all other."""
        page = self.document[number - 1]
        if self._has_form and page.flatten() == pdfium.FLATTEN_SUCCESS:
            page = self.document[number - 1]
        return page

    def get_size(self, number: int) -> tuple[float, float]:
        width, height = self.document[number - 1].get_size()
        if min(width, height) < 1:
            raise _as_broken("The page has no size.")
        return width, height

    def render(self, number: int, dpi: float) -> Image.Image:
        page = self.get_page(number)
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
            width, height = item.get_px_size()
            check_pixels(width, height, self._limits)
        drawn: Image.Image = page.render(scale=dpi / _POINTS, may_draw_forms=False).to_pil()
        return drawn.convert("RGB")

    def close(self) -> None:
        self.document.close()


class ImageFile:
    def __init__(self, path: Path, media_type: str, limits: Limits) -> None:
        self._limits = limits
        self._image = Image.open(path, formats=_FORMATS)
        # A moving image is one page.
        self.page_count = getattr(self._image, "n_frames", 1) if media_type == TIFF else 1

    def get_size(self, number: int) -> tuple[float, float]:
        frame = self._seek(number)
        across, down = _get_dpi(frame)
        width, height = frame.width * _POINTS / across, frame.height * _POINTS / down
        return (height, width) if _lies(frame) else (width, height)

    def render(self, number: int, dpi: float) -> Image.Image:
        frame = self._seek(number)
        width, height = (share / _POINTS for share in self.get_size(number))
        # Never larger than it is: no detail comes of that.
        dpi = min(dpi, max(_get_dpi(frame)))
        size = max(round(width * dpi), 1), max(round(height * dpi), 1)
        frame.draft(None, size if not _lies(frame) else (size[1], size[0]))
        upright = ImageOps.exif_transpose(_to_rgb(_shrink(frame, size)))
        return upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)

    def close(self) -> None:
        self._image.close()

    def _seek(self, number: int) -> Image.Image:
        self._image.seek(number - 1)
        check_pixels(self._image.width, self._image.height, self._limits)
        return self._image


def _shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return an image that is several times larger than its page in a size that copies bear."""
    image.load()
    factor = int(min(min(image.size) / min(size), max(image.size) / max(size)))
    if factor < _SEVERAL or image.mode not in {"L", "RGB", "RGBA", "CMYK"}:
        return image
    return _keep_exif(image.reduce(factor), image)


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raises: Unreadable, before any pixel is decoded."""
    if width * height > limits.most_pixels:
        raise Unreadable(
            "too_large",
            f"An image has {width:,} by {height:,} pixels; "
            f"at most {limits.most_pixels:,} pixels are read.",
            "Send it at a lower resolution.",
        )
    shorter, longer = sorted((width, height))
    if longer > shorter * limits.most_stretch:
        raise Unreadable(
            "no_page", f"An image has {width:,} by {height:,} pixels, which is no page.",
            "Send the whole page.",
        )  # fmt: skip


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the image in colour, or in grey if it has none, on white where it lets see through."""
    if image.mode in {"1", "L", "RGB"}:
        image.load()
        return image if image.mode != "1" else image.convert("L")
    if image.mode.startswith(("I", "F")):  # 16 bits for each pixel, or more
        grey = image.convert("F").point(lambda value: value * (1 / 256) + 0)
        return grey.convert("L")
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen.getchannel("A"))
        return _keep_exif(white, image)
    return image.convert("RGB")


def _keep_exif(made: Image.Image, image: Image.Image) -> Image.Image:
    if "exif" in image.info:
        made.info["exif"] = image.info["exif"]
    return made


def _get_dpi(image: Image.Image) -> tuple[float, float]:
    low, high = _CREDIBLE_DPI
    given = image.info.get("dpi")
    try:
        across, down = (float(each) for each in given or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return _USUAL_DPI, _USUAL_DPI
    if low <= across <= high and low <= down <= high:
        return across, down
    return _USUAL_DPI, _USUAL_DPI


def _lies(image: Image.Image) -> bool:
    """Return whether the image is still to be turned by a quarter. Pillow turns TIFF by itself."""
    return image.format != "TIFF" and image.getexif().get(0x0112, 1) in {5, 6, 7, 8}


def _check_end(path: Path) -> None:
    """Raises: Unreadable. What PDFium can mend of a cut file would lack pages."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END_OF_PDF, 0))
        if b"%%EOF" not in file.read():
            raise Unreadable("broken", "The PDF ends early.", "Send it again, whole.")


@contextmanager
def _explaining() -> Iterator[None]:
    """Turn what the libraries raise into Unreadable."""
    try:
        yield
    except pypdfium2.PdfiumError as error:
        if error.err_code == _WRONG_PASSWORD:
            raise Unreadable(
                "encrypted", "The PDF is encrypted with a password.",
                "Save it without a password, and send that.",
            ) from None  # fmt: skip
        raise _as_broken("The PDF is damaged.") from None
    except MemoryError:
        raise Unreadable(
            "too_large", "The page takes too much memory.", "Send it at a lower resolution."
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, Unreadable):
            raise
        raise _as_broken("The image is damaged, or ends early.") from None


def _as_broken(message: str) -> Unreadable:
    return Unreadable("broken", message, _SEND_AGAIN)
