"""Tables as rows of cells: those that are ruled, and those whose cells stand below each other.

Nothing is guessed of what a table means: which row is its head is for whoever reads it.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from flows.documents.layout import Found, Row, split_at_gaps
from flows.documents.rules import Rule

# Two rules within so many points are one, and rules meet that miss each other by as much.
_SLACK = 3.0
_LEAST_COLUMNS, _LEAST_ROWS = 2, 3
# Cells are that many times the text's height apart.
_CELL_GAP = 1.5
# A row that far below the one before, in heights of the text, is of another table.
_MOST_DISTANCE = 2.5
_MOST_CELLS, _MOST_RULES = 20_000, 1_000

Interval = tuple[float, float]


class FoundTable(NamedTuple):
    """A table, its box in points, and the places in the list of lines of those that stand in it."""

    left: float
    top: float
    right: float
    bottom: float
    rows: list[list[str]]
    lines: list[int]


def find_tables(lines: Sequence[Row], rules: Sequence[Rule]) -> list[FoundTable]:
    """Return the tables of a page from top to bottom."""
    ruled = [table for grid in _find_grids(rules) if (table := _fill(grid, lines))]
    taken = {number for table in ruled for number in table.lines}
    aligned = _find_aligned(lines, taken)
    return sorted([*ruled, *aligned], key=lambda table: (table.top, table.left))


# --- Ruled ------------------------------------------------------------------------------


class _Grid(NamedTuple):
    """Where the rules of each height run from and to, and those of each place from the left."""

    tops: dict[float, list[Interval]]
    lefts: dict[float, list[Interval]]


def _find_grids(rules: Sequence[Rule]) -> Iterator[_Grid]:
    """Yield the rules that meet each other, where they make more than one cell."""
    # More than a table has are a drawing.
    waiting = list(set(rules)) if len(rules) <= _MOST_RULES else []
    while waiting:
        group, found = [waiting.pop()], []
        while group:
            rule = group.pop()
            found.append(rule)
            met = [each for each in waiting if _meet(rule, each)]
            waiting = [each for each in waiting if each not in met]
            group += met
        tops = _merge(rule for rule in found if not rule.down)
        lefts = _merge(rule for rule in found if rule.down)
        cells = (len(tops) - 1) * (len(lefts) - 1)
        if len(tops) > 1 and len(lefts) > 1 and 1 < cells <= _MOST_CELLS:
            yield _Grid(tops, lefts)


def _meet(one: Rule, other: Rule) -> bool:
    if one.down == other.down:
        in_line = abs(one.at - other.at) <= _SLACK
        return in_line and one.start <= other.end + _SLACK and other.start <= one.end + _SLACK
    return (
        one.start - _SLACK <= other.at <= one.end + _SLACK
        and other.start - _SLACK <= one.at <= other.end + _SLACK
    )


def _merge(rules: Iterator[Rule]) -> dict[float, list[Interval]]:
    merged: dict[float, list[Interval]] = {}
    place = -math.inf
    for rule in sorted(rules, key=lambda each: each.at):
        if rule.at - place > _SLACK:
            place = rule.at
        merged.setdefault(place, []).append((rule.start, rule.end))
    return merged


def _fill(grid: _Grid, lines: Sequence[Row]) -> FoundTable | None:
    """Return the table with what stands in each cell, None if nothing does."""
    tops, lefts = list(grid.tops), list(grid.lefts)
    cells: dict[tuple[int, int], list[str]] = {}
    inside: set[int] = set()
    for number, line in enumerate(lines):
        for word in line:
            x, y = (word.left + word.right) / 2, word.middle
            if tops[0] <= y <= tops[-1] and lefts[0] <= x <= lefts[-1]:
                place = _find_cell(grid, x, y)
                cells.setdefault(place, []).append(word.text)
                inside.add(number)
    if len(cells) < _LEAST_COLUMNS:
        return None
    rows = [
        [" ".join(cells.get((row, column), ())) for column in range(len(lefts) - 1)]
        for row in range(len(tops) - 1)
    ]
    return FoundTable(lefts[0], tops[0], lefts[-1], tops[-1], rows, sorted(inside))


def _find_cell(grid: _Grid, x: float, y: float) -> tuple[int, int]:
    """Return row and column of the first cell of those that no rule parts here."""
    return _count_before(grid.tops, y, x), _count_before(grid.lefts, x, y)


def _count_before(rules: dict[float, list[Interval]], at: float, along: float) -> int:
    """Return the number of the last rule before ``at`` that runs past ``along``."""
    last = 0
    for number, (place, spans) in enumerate(rules.items()):
        is_ruled = any(start - _SLACK <= along <= end + _SLACK for start, end in spans)
        if place <= at and is_ruled:
            last = number
    return min(last, len(rules) - 2)


# --- Aligned ----------------------------------------------------------------------------


def _find_aligned(lines: Sequence[Row], taken: set[int]) -> Iterator[FoundTable]:
    """Yield runs of lines that fall into the same columns."""
    at = 0
    while at < len(lines):
        run, columns = _follow_columns(lines, at, taken)
        if len(run) >= _LEAST_ROWS:
            yield _make_aligned(lines, run, columns)
        at = run[-1] + 1 if run else at + 1


def _follow_columns(
    lines: Sequence[Row], at: int, taken: set[int]
) -> tuple[list[int], list[Interval]]:
    """Return the lines from ``at`` on that keep to common columns, and these."""
    run: list[int] = []
    columns: list[Interval] = []
    for number in range(at, len(lines)):
        if number in taken or (run and _is_far(lines[run[-1]], lines[number])):
            break
        parts = _list_parts(lines[number])
        joined = _join_columns(columns, parts)
        if len(parts) < _LEAST_COLUMNS or len(joined) < max(len(columns), _LEAST_COLUMNS):
            break
        run.append(number)
        columns = joined
    return run, columns


def _list_parts(line: Row) -> list[Interval]:
    return [(part[0].left, part[-1].right) for part in split_at_gaps(line, _CELL_GAP)]


def _join_columns(columns: Sequence[Interval], parts: Sequence[Interval]) -> list[Interval]:
    """Return the columns widened by the parts; those that a part bridges become one."""
    joined: list[Interval] = []
    for left, right in sorted([*columns, *parts]):
        if joined and left < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
        else:
            joined.append((left, right))
    return joined


def _is_far(before: Row, after: Row) -> bool:
    height = median(word.height for word in before)
    distance = min(word.top for word in after) - max(word.bottom for word in before)
    return not -height <= distance <= _MOST_DISTANCE * height


def _make_aligned(
    lines: Sequence[Row], run: Sequence[int], columns: Sequence[Interval]
) -> FoundTable:
    rows = []
    for number in run:
        cells: list[list[str]] = [[] for _ in columns]
        for word in lines[number]:
            cells[_find_column(columns, word)].append(word.text)
        rows.append([" ".join(cell) for cell in cells])
    words = [word for number in run for word in lines[number]]
    return FoundTable(
        min(word.left for word in words), min(word.top for word in words),
        max(word.right for word in words), max(word.bottom for word in words),
        rows, list(run),
    )  # fmt: skip


def _find_column(columns: Sequence[Interval], word: Found) -> int:
    middle = (word.left + word.right) / 2
    return next(number for number, (_, right) in enumerate(columns) if middle <= right)
