"""Find the ruled lines in the image of an upright page."""

import re
from collections.abc import Iterable, Iterator

from PIL import Image, ImageDraw

# A rule is a run of so many pixels of ink, with no gap of more than one block of them.
_BLOCK, _LEAST_BLOCKS = 24, 5
# So dark is a block of it, of 255.
_INK = 150
_THICK, _MOST = 5, 2_000

PixelRule = tuple[bool, int, int, int]


def find_rules(image: Image.Image) -> list[PixelRule]:
    """Return ``(goes down, at, start, end)`` of each ruled line, in pixels."""
    ink = image.convert("L").point(lambda value: 255 if value < _INK else 0)
    across = [(False, *found) for found in _find_across(ink)]
    down = [(True, *found) for found in _find_across(ink.transpose(Image.Transpose.TRANSPOSE))]
    return [*across, *down][:_MOST]


def erase_rules(image: Image.Image, rules: Iterable[PixelRule]) -> Image.Image:
    """Return the image without the rules, which tesseract takes for edges of letters."""
    clean = image.copy()
    drawing = ImageDraw.Draw(clean)
    for goes_down, at, start, end in rules:
        thick = at - 1, at + _THICK
        box = (thick[0], start, thick[1], end) if goes_down else (start, thick[0], end, thick[1])
        drawing.rectangle(box, fill=255)
    return clean


def _find_across(ink: Image.Image) -> Iterator[tuple[int, int, int]]:
    """Yield height, start and end of the lines across. One of several pixels is found once."""
    width = ink.width // _BLOCK
    if width < _LEAST_BLOCKS:
        return
    blocks = ink.reduce((_BLOCK, 1)).point(lambda value: 1 if value > 255 * 0.85 else 0).tobytes()
    row_width = len(blocks) // ink.height
    run = re.compile(b"\x01{%d,}" % _LEAST_BLOCKS)
    before: list[tuple[int, int]] = []
    for y in range(ink.height):
        row = blocks[y * row_width : (y + 1) * row_width]
        found = [(each.start() * _BLOCK, each.end() * _BLOCK) for each in run.finditer(row)]
        for start, end in found:
            if not any(start < last and end > first for first, last in before):
                # The ends stand somewhere in the blocks beside it.
                yield y, max(start - _BLOCK // 2, 0), min(end + _BLOCK // 2, ink.width)
        before = found
