"""Make a scan of a PDF: a picture of its page, turned a little, with the noise of a scanner.

The pages' fonts are the standard ones of PDF, for which PDFium brings its own, so that no font has
to be installed. The same seed gives the same picture.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageFilter

from flows.documents.rendering import render_page

PAPER = 250


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a page is scanned: resolution, skew in degrees, noise from 0 to 1, blur in pixels."""

    dpi: int = 150
    skew: float = 1.5
    noise: float = 0.3
    blur: float = 0.6
    quality: int = 70


def scan(content: bytes, scanner: Scanner, seed: int = 0) -> bytes:
    """Return the first page of a PDF as a JPEG image."""
    picture = _draw(content, scanner.dpi)
    picture = picture.rotate(scanner.skew, Image.Resampling.BICUBIC, fillcolor=PAPER)
    if scanner.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(scanner.blur))
    picture = _add_noise(picture, scanner.noise, seed)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=scanner.quality, dpi=(scanner.dpi, scanner.dpi))
    return written.getvalue()


def _draw(content: bytes, dpi: int) -> Image.Image:
    with TemporaryDirectory(prefix="countersign-scan-") as folder:
        path = Path(folder) / "page.pdf"
        path.write_bytes(content)
        drawn = Image.open(render_page(path, Path(folder), 1, dpi=dpi).path)
        return drawn.convert("L")


def _add_noise(picture: Image.Image, noise: float, seed: int) -> Image.Image:
    """Return the picture with grain everywhere, and with specks of dust."""
    if not noise:
        return picture
    random = Random(seed)  # noqa: S311 - reproducible, and nothing secret
    # One tile of grain, laid over all of the page: bytes for each pixel would take long.
    tile = Image.frombytes("L", (256, 256), random.randbytes(256 * 256))
    grain = Image.new("L", picture.size)
    for left in range(0, picture.width, 256):
        for top in range(0, picture.height, 256):
            grain.paste(tile, (left, top))
    strength = 60 * noise / 255
    grain = grain.point(lambda value: round(128 + (value - 128) * strength))
    noisy = ImageChops.add(picture, grain, 1, -128)
    for _ in range(round(150 * noise)):
        at = (random.randrange(picture.width), random.randrange(picture.height))
        size = random.choice((1, 1, 2))
        noisy.paste(random.randrange(40, 160), (*at, at[0] + size, at[1] + size))
    return noisy
