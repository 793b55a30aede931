"""The text that a PDF has in it, with its places. Only a child process calls this."""

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from flows.documents.errors import Unreadable
from flows.documents.layout import Found
from flows.documents.rules import Rule, turn_rule

_MOST_CHARACTERS, _MOST_SEGMENTS = 60_000, 20_000
# Between characters of one word there is less than so many times their height.
_WORD_GAP = 0.3
# A page whose image covers this much is a scan, unless it has more words than a scanner adds.
_SCAN_SHARE, _SCAN_WORDS = 0.5, 40
# So much of the text may be characters that the PDF does not say the meaning of.
_MOST_UNKNOWN = 0.2
# PDFium's mark for a hyphen at the end of a line.
_HYPHEN = 2
# Letters that fonts draw as one.
_LIGATURES = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_QUARTER = 90


@dataclass(frozen=True, slots=True)
class TextLayer:
    """The words and ruled lines of a page in points, upright.

    ``turned`` is by how many degrees the page had to be turned, clockwise. ``is_usable`` is False
    where the text has to be recognised; ``is_blank`` where nothing is drawn on the page.
    """

    width: float
    height: float
    turned: int
    words: list[Found]
    rules: list[Rule]
    is_usable: bool
    is_blank: bool


@dataclass(frozen=True, slots=True)
class _Character:
    text: str
    left: float
    top: float
    right: float
    bottom: float
    angle: int


def read_text_layer(page: pypdfium2.PdfPage) -> TextLayer:
    """Return what the page says in text. Raises: Unreadable, for too many characters."""
    width, height = page.get_size()
    place = _Placing(page, width, height)
    characters = list(_list_characters(page, place))
    turned = _find_turn(characters)
    words = [_turn(word, turned, width, height) for word in _join_words(characters, turned)]
    upright = (height, width) if turned % 180 else (width, height)
    rules = [turn_rule(rule, turned, width, height) for rule in _list_rules(page, place)]
    objects = list(page.get_objects(max_depth=2))
    covered = _share_of_images(objects, width * height)
    return TextLayer(
        *upright, turned, words, rules,
        is_usable=_is_usable(words, covered),
        is_blank=not objects,
    )  # fmt: skip


class _Placing:
    """From a page's own coordinates to points from the upper left corner, as it is shown."""

    def __init__(self, page: pypdfium2.PdfPage, width: float, height: float) -> None:
        scale = 100
        size = round(width * scale), round(height * scale)

        def show(x: float, y: float) -> tuple[float, float]:
            across, down = ctypes.c_int(), ctypes.c_int()
            pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
            return across.value / scale, down.value / scale

        self._origin = show(0, 0)
        (right, down), (up, over) = show(1000, 0), show(0, 1000)
        self._by_x = ((right - self._origin[0]) / 1000, (down - self._origin[1]) / 1000)
        self._by_y = ((up - self._origin[0]) / 1000, (over - self._origin[1]) / 1000)

    def point(self, x: float, y: float) -> tuple[float, float]:
        return (
            self._origin[0] + self._by_x[0] * x + self._by_y[0] * y,
            self._origin[1] + self._by_x[1] * x + self._by_y[1] * y,
        )

    def box(
        self, left: float, bottom: float, right: float, top: float
    ) -> tuple[float, float, float, float]:
        (x1, y1), (x2, y2) = self.point(left, bottom), self.point(right, top)
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    @property
    def angle(self) -> float:
        """By how much a text of angle 0 is turned where it is shown, clockwise."""
        return math.degrees(math.atan2(self._by_x[1], self._by_x[0]))


def _list_characters(page: pypdfium2.PdfPage, place: _Placing) -> Iterator[_Character]:
    text = page.get_textpage()
    count = text.count_chars()
    if count > _MOST_CHARACTERS:
        raise Unreadable(
            "too_large",
            f"The page has {count:,} characters; at most {_MOST_CHARACTERS:,} are read.",
            "Print it to a new PDF, and send that.",
        )
    turned = place.angle
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text, index)
        character = "-" if code == _HYPHEN else _LIGATURES.get(chr(code), chr(code))
        angle = math.degrees(pdfium.FPDFText_GetCharAngle(text, index))
        quarter = round((turned + angle) / _QUARTER) * _QUARTER % 360
        yield _Character(character, *place.box(*text.get_charbox(index, loose=True)), quarter)


def _find_turn(characters: list[_Character]) -> int:
    """Return by how many degrees clockwise most of the text has to be turned to be upright."""
    angles = Counter(each.angle for each in characters if not each.text.isspace())
    return -angles.most_common(1)[0][0] % 360 if angles else 0


def _join_words(characters: list[_Character], turned: int) -> Iterator[Found]:
    """Yield the words in the order of the file. What is not turned as most is, is left out."""
    word: list[_Character] = []
    for each in characters:
        is_space = each.text.isspace() or each.text == "\0" or (-each.angle % 360) != turned
        if word and (is_space or _is_apart(word[-1], each, turned)):
            yield _make_word(word)
            word = []
        if not is_space:
            word.append(each)
    if word:
        yield _make_word(word)


def _is_apart(before: _Character, after: _Character, turned: int) -> bool:
    """Return whether a word ends between two characters that no space is between."""
    if turned % 180:
        gap = max(after.top - before.bottom, before.top - after.bottom)
        jump, height = abs(after.left - before.left), before.right - before.left
    else:
        gap = max(after.left - before.right, before.left - after.right)
        jump, height = abs(after.bottom - before.bottom), before.bottom - before.top
    return gap > _WORD_GAP * height or jump > height / 2


def _make_word(characters: list[_Character]) -> Found:
    return Found(
        "".join(each.text for each in characters),
        min(each.left for each in characters),
        min(each.top for each in characters),
        max(each.right for each in characters),
        max(each.bottom for each in characters),
        1.0,
    )


def _turn(word: Found, turned: int, width: float, height: float) -> Found:
    """Return a word where it stands once the page has been turned."""
    left, top, right, bottom = word.left, word.top, word.right, word.bottom
    box = {
        0: (left, top, right, bottom),
        90: (height - bottom, left, height - top, right),
        180: (width - right, height - bottom, width - left, height - top),
        270: (top, width - right, bottom, width - left),
    }[turned]
    return Found(word.text, *box, word.confidence)


def _is_usable(words: list[Found], covered: float) -> bool:
    text = "".join(word.text for word in words)
    if not text or (covered >= _SCAN_SHARE and len(words) < _SCAN_WORDS):
        return False
    unknown = sum(unicodedata.category(each) in {"Cn", "Co", "Cc"} or each == "�" for each in text)
    return unknown <= _MOST_UNKNOWN * len(text)


def _share_of_images(objects: list[Any], area: float) -> float:
    """Return how much of the page its images cover; where they overlap counts twice."""
    covered = 0.0
    for each in objects:
        if each.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = each.get_bounds()
            covered += max(right - left, 0) * max(top - bottom, 0)
    return covered / area


def _list_rules(page: pypdfium2.PdfPage, place: _Placing) -> Iterator[Rule]:
    """Yield the straight lines that are drawn across or down."""
    left = _MOST_SEGMENTS
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1):
        matrix = item.get_matrix()
        count = min(pdfium.FPDFPath_CountSegments(item), left)
        left -= count
        start = at = (0.0, 0.0)
        for index in range(count):
            segment = pdfium.FPDFPath_GetPathSegment(item, index)
            x, y = ctypes.c_float(), ctypes.c_float()
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            to = place.point(*matrix.on_point(x.value, y.value))
            kind = pdfium.FPDFPathSegment_GetType(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                start = to
            elif kind == pdfium.FPDF_SEGMENT_LINETO and (rule := Rule.between(at, to)):
                yield rule
            at = to
            if pdfium.FPDFPathSegment_GetClose(segment) and (rule := Rule.between(at, start)):
                yield rule
