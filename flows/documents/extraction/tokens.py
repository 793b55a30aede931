"""A document's words as tokens in rows: what stands at one height of a page, from left to right.

A reader may give label and value as lines of their own, or as one. Rows make these the same.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from flows.documents.model import Line, Page, Place, ReadDocument
from workbench.values.folding import fold

LEAST_OVERLAP = 0.5
# A gap of so many heights ends a text: what follows it is another column.
COLUMN_GAP = 1.6
# ``Label:value`` is two tokens; a time and a web address are one.
_AFTER_LABEL = re.compile(r"(?<=[^\W\d]):(?!//)(?=\S)|(?<=\)):(?=\S)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a part of one. ``page`` and ``line`` count from 1."""

    text: str
    at: Place
    confidence: float
    page: int
    line: int

    @property
    def left(self) -> float:
        return self.at[0]

    @property
    def right(self) -> float:
        return self.at[0] + self.at[2]

    @property
    def top(self) -> float:
        return self.at[1]

    @property
    def bottom(self) -> float:
        return self.at[1] + self.at[3]


@dataclass
class Row:
    """Tokens of one height. ``wide`` turns a height into the share of the width it takes."""

    tokens: list[Token]
    wide: float
    top: float = 0.0
    bottom: float = 0.0

    @cached_property
    def folded(self) -> list[str]:
        """The tokens' letters and digits, folded, as labels are compared."""
        return [fold_label(each.text) for each in self.tokens]

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def gap_before(self, at: int) -> float:
        """Return the gap before a token in heights of the row; 0 before the first."""
        if at == 0 or self.height <= 0:
            return 0.0
        gap = self.tokens[at].left - self.tokens[at - 1].right
        return gap / (self.height * self.wide)

    def end_of_text(self, start: int) -> int:
        """Return where the text ends that begins at a token: at a gap, or at the row's end."""
        end = start + 1
        while end < len(self.tokens) and self.gap_before(end) <= COLUMN_GAP:
            end += 1
        return end


@dataclass
class Sheet:
    """The rows of a page from top to bottom."""

    page: int
    rows: list[Row] = field(default_factory=list)


def lay_out(document: ReadDocument) -> list[Sheet]:
    """Return each page's words in rows."""
    return [Sheet(page.number, _make_rows(page)) for page in document.pages]


def _make_rows(page: Page) -> list[Row]:
    wide = page.height / page.width if page.width else 1.0
    rows: list[Row] = []
    for line in sorted(page.lines, key=lambda each: each.at[1] + each.at[3] / 2):
        tokens = list(list_tokens(line, page.number))
        if not tokens:
            continue
        top, bottom = line.at[1], line.at[1] + line.at[3]
        row = next((each for each in rows[-4:][::-1] if _overlap(each, top, bottom)), None)
        if row is None:
            rows.append(Row(tokens, wide, top, bottom))
        else:
            row.tokens.extend(tokens)
    for row in rows:
        row.tokens.sort(key=lambda each: each.left)
    return rows


def _overlap(row: Row, top: float, bottom: float) -> bool:
    shared = min(row.bottom, bottom) - max(row.top, top)
    return shared >= LEAST_OVERLAP * min(row.height, bottom - top) and shared > 0


def list_tokens(line: Line, page: int) -> Iterable[Token]:
    for word in line.words:
        start = 0
        for part in _AFTER_LABEL.split(word.text):
            if part.strip():
                at = cut_place(word.at, start, start + len(part), len(word.text))
                yield Token(part, at, word.confidence, page, line.number)
            start += len(part) + 1


def cut_place(at: Place, start: int, end: int, length: int) -> Place:
    """Return the place of some of a word's characters, as if all were equally wide."""
    left, top, width, height = at
    share = width / max(length, 1)
    return (_share(left + share * start), top, _share(share * (end - start)), height)


def join_places(places: Sequence[Place]) -> Place:
    """Return the least place that holds all of them."""
    left, top = min(each[0] for each in places), min(each[1] for each in places)
    right = max(each[0] + each[2] for each in places)
    bottom = max(each[1] + each[3] for each in places)
    return (_share(left), _share(top), _share(right - left), _share(bottom - top))


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)


_LOOK_ALIKE = str.maketrans("01|i58!", "olllsbl")


def fold_label(text: str) -> str:
    """Return a text as labels are compared: letters and digits, those that look alike as one."""
    plain = "".join(each for each in fold(text).translate(_LOOK_ALIKE) if each.isalnum())
    return plain.replace("rn", "m")
