"""Words in lines, and lines in the order in which they are read.

All engines' words go through here, so that a line means the same whatever read it: what stands at
one height from left to right, a table's row too. Only where text runs in columns, each of which has
sentences in it, one column is read after the other.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple


class Found(NamedTuple):
    """A word as an engine found it. Places are in points, from the upper left of the page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


Row = list[Found]

# Of a row, as many words as are looked at; so many rows are followed, for so many parts of the
# first. Pages have fewer, other than those that are made to cost.
_NEAR, _MOST_ROWS, _MOST_PARTS = 30, 200, 12

# A row's gap of so many times its height may be between two columns or cells.
_GAP = 1.2
# Columns of text are that many rows tall, and have that many words in a row on average.
_COLUMN_ROWS, _COLUMN_WORDS = 4, 4


def read_lines(words: Iterable[Found]) -> list[Row]:
    """Return the words as lines in reading order."""
    return _order(_group_rows(words))


def split_at_gaps(row: Row, gap: float = _GAP) -> list[Row]:
    """Return the parts of a row between its wide gaps."""
    height = median(word.height for word in row)
    parts: list[Row] = [[row[0]]]
    for before, word in pairwise(row):
        if word.left - before.right > gap * height:
            parts.append([])
        parts[-1].append(word)
    return parts


def _group_rows(words: Iterable[Found]) -> list[Row]:
    """Return the words by height, from top to bottom and from left to right."""
    rows: list[Row] = []
    for word in sorted(words, key=lambda each: (each.middle, each.left)):
        # The rows are sorted by the middle of their first word: only the last ones can fit.
        fitting = [row for row in rows[-3:] if _stands_in(word, row)]
        if fitting:
            fitting[-1].append(word)
        else:
            rows.append([word])
    for row in rows:
        row.sort(key=lambda each: each.left)
    return sorted(rows, key=lambda row: median(word.middle for word in row))


def _stands_in(word: Found, row: Row) -> bool:
    """Return whether a word stands at the height of those of the row that are nearest to it."""
    nearest = min(row[-_NEAR:], key=lambda each: abs(each.left - word.left))
    most = 0.5 * min(max(nearest.height, 1), max(word.height, 1))
    return abs(word.middle - nearest.middle) < most


def _order(rows: list[Row]) -> list[Row]:
    """Return the rows as lines, those of columns column by column."""
    lines: list[Row] = []
    at = 0
    while at < len(rows):
        end, gutter = _find_columns(rows, at)
        if end == at:
            lines.append(rows[at])
            at += 1
            continue
        words = [word for row in rows[at:end] for word in row]
        lines += _order(_group_rows(word for word in words if word.right <= gutter))
        lines += _order(_group_rows(word for word in words if word.right > gutter))
        at = end
    return lines


def _find_columns(rows: Sequence[Row], at: int) -> tuple[int, float]:
    """Return where the columns that begin at a row end, and a place between the first two.

    That is the row itself, if none begin there.
    """
    best, between = at, 0.0
    parts = split_at_gaps(rows[at])
    for left, right in pairwise(parts[:_MOST_PARTS]):
        end, gutter = _follow_gutter(rows, at, left[-1].right, right[0].left)
        if end > best and _are_columns(rows[at:end], gutter):
            best, between = end, gutter
    return best, between


def _follow_gutter(rows: Sequence[Row], at: int, left: float, right: float) -> tuple[int, float]:
    """Return how far down a gap goes, and its middle where it is narrowest."""
    end = at
    for row in rows[at : at + _MOST_ROWS]:
        narrowed = _narrow(row, left, right)
        if narrowed is None:
            break
        left, right = narrowed
        end += 1
    return end, (left + right) / 2


def _narrow(row: Row, left: float, right: float) -> tuple[float, float] | None:
    """Return what of a gap is free in a row too, None if too little is."""
    least = 0.8 * median(word.height for word in row)
    middle = (left + right) / 2
    for word in row:
        if word.left < right and word.right > left:
            if (word.left + word.right) / 2 < middle:
                left = max(left, word.right)
            else:
                right = min(right, word.left)
    return (left, right) if right - left >= least else None


def _are_columns(rows: Sequence[Row], gutter: float) -> bool:
    """Return whether there are sentences on both sides; cells of a table are shorter."""
    sides = [
        [[word for word in row if (word.right <= gutter) is is_left] for row in rows]
        for is_left in (True, False)
    ]
    for side in sides:
        filled = [row for row in side if row]
        if len(filled) < _COLUMN_ROWS:
            return False
        if sum(map(len, filled)) < _COLUMN_WORDS * len(filled):
            return False
    return True
