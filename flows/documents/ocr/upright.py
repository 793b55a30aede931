"""Put the image of a page upright: its turn by quarters, and the skew that a scanner leaves."""

from itertools import pairwise

from PIL import Image

_CLOCKWISE = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
# Skew is looked for at this width, so far to each side, in these steps of degrees.
_WIDTH, _MOST_SKEW, _COARSE, _FINE = 800, 6.0, 0.5, 0.1
# What gains less than this in sharpness is not skewed.
_GAIN = 1.03


def turn(image: Image.Image, degrees: int) -> Image.Image:
    """Return the image turned clockwise by 0, 90, 180 or 270 degrees."""
    return image.transpose(_CLOCKWISE[degrees]) if degrees else image


def straighten(image: Image.Image, skew: float) -> Image.Image:
    """Return the image turned clockwise about its middle, as large as before, on white."""
    if not skew:
        return image
    white = 255 if image.mode == "L" else (255, 255, 255)
    return image.rotate(-skew, Image.Resampling.BICUBIC, fillcolor=white)


def find_skew(image: Image.Image) -> float:
    """Return by how many degrees the page has to be turned clockwise for its lines to be level.

    Between level lines the page is white: of all turns, that one is sought at which the darkness
    of its rows changes most from row to row.
    """
    small = image.convert("L")
    small.thumbnail((_WIDTH, _WIDTH * 2))
    steps = round(_MOST_SKEW / _COARSE)
    coarse = max((step * _COARSE for step in range(-steps, steps + 1)), key=_Sharpness(small))
    around = (coarse + step * _FINE for step in range(-4, 5))
    sharpness = _Sharpness(small)
    best = max(around, key=sharpness)
    return round(best, 1) if sharpness(best) > _GAIN * sharpness(0) else 0.0


class _Sharpness:
    """How much the rows of an image differ from the next ones once it is turned."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image

    def __call__(self, degrees: float) -> float:
        turned = self._image.rotate(-degrees, Image.Resampling.BILINEAR, fillcolor=255)
        # Without the edges, where a scanner leaves shadows.
        edge = turned.width // 12
        inner = turned.crop((edge, edge, turned.width - edge, turned.height - edge))
        rows = inner.resize((1, inner.height), Image.Resampling.BOX).tobytes()
        return sum((a - b) ** 2 for a, b in pairwise(rows))
