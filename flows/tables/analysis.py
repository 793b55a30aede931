"""What is wrong with a table as a whole: gaps, overlaps, rows that never decide.

Exact for cells that ask of nothing but their own value: see ``domains``. Rows with other cells are
left out and named. The work is counted, and what would take too much is said not to be looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flows.tables.compiled import Cell, Compiled, compile_table
from flows.tables.domains import Piece, Unordered, cut, describe
from flows.tables.model import Problem, Table
from flows.tables.values import equals, to_literal

MOST_WORK = 4_000_000
MOST_FOUND = 20
_SINGLE = frozenset({"U", "A", "P", "F"})


class _TooLarge(Exception):
    """The work that is allowed is done."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The problems of a table. ``is_whole`` False: ``notes`` say what was not looked at."""

    compiled: Compiled
    problems: tuple[Problem, ...]
    gaps: tuple[Problem, ...] = ()
    is_whole: bool = True
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> list[Problem]:
        return [each for each in self.problems if each.level == "error"]

    @property
    def warnings(self) -> list[Problem]:
        return [each for each in self.problems if each.level == "warning"]


def analyse(table: Table) -> Analysis:
    """Return what is wrong with each cell, and, where no cell is wrong, with the table."""
    made = compile_table(table)
    if not made.is_fit:
        return Analysis(made, tuple(made.problems), is_whole=False)
    found = _Analyst(made)
    found.look()
    return Analysis(
        made, (*made.problems, *found.problems), tuple(found.gaps), not found.notes,
        tuple(found.notes),
    )  # fmt: skip


@dataclass
class _Analyst:
    """Looks at one table. Sets of rows and of pieces are integers, one bit for each."""

    made: Compiled
    problems: list[Problem] = field(default_factory=list)
    gaps: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    work: int = MOST_WORK

    def look(self) -> None:
        self.table = self.made.table
        self.pieces = [self._cut(at) for at in range(len(self.table.inputs))]
        self.known = self._find_known()
        try:
            self._cut_rows()
            self._find_dead_cells()
            self._find_overlaps()
            self._find_hidden_rows()
            self._find_gaps()
        except _TooLarge:
            self.notes.append(
                "The table is too large to be analysed whole: not every gap and overlap is listed."
            )

    # --- The pieces of columns, and the rows that match each ---

    def _cut(self, column: int) -> list[Piece] | None:
        """Return the pieces of a column that are allowed, None where it cannot be cut."""
        allowed, kind = self.made.allowed[column], self.table.inputs[column].kind
        cells = [each[column] for each in self.made.cells]
        simple = [each for each in (*cells, allowed) if each is not None and each.is_simple]
        if kind == "any":
            return None
        try:
            pieces = cut(kind, simple)
        except Unordered:
            return None
        if allowed is None:
            return pieces
        return [each for each in pieces if each.value is None or allowed.matches(each.value, {})]

    def _find_known(self) -> int:
        """Return the rows that can be looked at; name the others."""
        known, unknown = 0, []
        for at, cells in enumerate(self.made.cells):
            if all(self._is_known(column, cell) for column, cell in enumerate(cells)):
                known |= 1 << at
            else:
                unknown.append(str(self.table.rows[at].number))
        if unknown:
            named = ", ".join(unknown[:10]) + (" …" if len(unknown) > 10 else "")  # noqa: PLR2004
            self.notes.append(
                f"Cells that read other inputs, or of columns without a type, are not looked at:"
                f" row{'s' if len(unknown) > 1 else ''} {named}."
            )
        return known

    def _is_known(self, column: int, cell: Cell | None) -> bool:
        if cell is None:
            return False
        return not cell.tests.items or (self.pieces[column] is not None and cell.is_simple)

    def _cut_rows(self) -> None:
        """Set, for each column, the pieces of each row and the rows of each piece."""
        self.of_row: list[list[int]] = []
        self.of_piece: list[list[int]] = []
        for column, pieces in enumerate(self.pieces):
            # A column that cannot be cut is one piece: the known rows ask nothing of it.
            size = len(pieces) if pieces is not None else 1
            of_row, of_piece = [], [0] * size
            for at, cells in enumerate(self.made.cells):
                self._spend(size)
                of_row.append(self._match(cells[column], pieces))
                if self.known >> at & 1:
                    for piece in _list_bits(of_row[at]):
                        of_piece[piece] |= 1 << at
            self.of_row.append(of_row)
            self.of_piece.append(of_piece)

    def _match(self, cell: Cell | None, pieces: Sequence[Piece] | None) -> int:
        if pieces is None:
            return 1
        if cell is None or not cell.is_simple or not cell.tests.items:
            return (1 << len(pieces)) - 1
        found = 0
        for at, piece in enumerate(pieces):
            if cell.matches(piece.value, {}) is True:
                found |= 1 << at
        return found

    def _spend(self, work: int) -> None:
        self.work -= work
        if self.work < 0:
            raise _TooLarge

    # --- Cells that never match ---

    def _find_dead_cells(self) -> None:
        for at, row in enumerate(self.table.rows):
            for column, each in enumerate(self.table.inputs):
                cell = self.made.cells[at][column]
                if self.of_row[column][at] or cell is None or not cell.is_simple:
                    continue
                allowed = f" among the allowed values ({each.values})" if each.values else ""
                self._add(
                    f"rows.{at}.when.{column}",
                    f"Row {row.number}, {each.label}: nothing{allowed} can match"
                    f" {row.when[column]}.",
                    "Correct the cell, or remove the row.", (at,),
                )  # fmt: skip

    # --- Overlaps ---

    def _find_overlaps(self) -> None:
        rows = range(len(self.table.rows))
        self.alive = sum(1 << at for at in rows if self.known >> at & 1 and not self._is_dead(at))
        self.meeting = [self._meet(at) for at in rows]
        if self.table.hit not in ("U", "A"):
            return
        count = 0
        for at in range(len(self.table.rows)):
            for other in _list_bits(self.meeting[at] >> at + 1):
                if problem := self._compare(at, at + 1 + other):
                    count += 1
                    if count <= MOST_FOUND:
                        self.problems.append(problem)
        if count > MOST_FOUND:
            self.notes.append(f"{count - MOST_FOUND} more overlaps are not listed.")

    def _meet(self, at: int) -> int:
        """Return the rows that match an input that this row matches too."""
        if not self.alive >> at & 1:
            return 0
        found = self.alive & ~(1 << at)
        for column, of_piece in enumerate(self.of_piece):
            cell = self.made.cells[at][column]
            if cell is not None and not cell.tests.items:
                continue
            mine = 0
            for piece in _list_bits(self.of_row[column][at]):
                self._spend(1)
                mine |= of_piece[piece]
            found &= mine
        return found

    def _compare(self, at: int, other: int) -> Problem | None:
        """Return what is wrong with two rows that match the same input."""
        one, two = self.table.rows[at], self.table.rows[other]
        example = self._make_example([
            self.of_row[column][at] & self.of_row[column][other]
            for column in range(len(self.pieces))
        ])  # fmt: skip
        if self.table.hit == "U":
            message = f"Rows {one.number} and {two.number} match the same input."
            remedy = "Make them exclude each other, or choose another hit policy."
        elif self._give_same(at, other) is False:
            message = f"Rows {one.number} and {two.number} match the same input, and contradict."
            remedy = "Give them the same outputs, or make them exclude each other."
        else:
            return None
        return Problem(f"rows.{other}", message, remedy, rows=(at, other), example=example)

    def _give_same(self, at: int, other: int) -> bool | None:
        """Return whether two rows give the same; None where an input decides that."""
        pairs = list(zip(self.made.outputs[at], self.made.outputs[other], strict=True))
        if not all(a and b and a.is_constant and b.is_constant for a, b in pairs):
            return None
        return all(a and b and equals(a.constant, b.constant) is True for a, b in pairs)

    # --- Rows that never decide ---

    def _find_hidden_rows(self) -> None:
        if self.table.hit not in ("F", "P", "A"):
            return
        for at, row in enumerate(self.table.rows):
            before = self._find_stronger(at) & self.meeting[at]
            if not before or self._is_dead(at):
                continue
            box = [of_row[at] for of_row in self.of_row]
            if next(self._walk(before, box), None) is not None:
                continue
            alone = [each for each in _list_bits(before) if self._holds(each, at)]
            numbers = [self.table.rows[each].number for each in alone[:1] or _list_bits(before)]
            named = f"Row {numbers[0]}" if len(numbers) == 1 else "Rows before it"
            what = "adds nothing" if self.table.hit == "A" else "never decides"
            self._add(
                f"rows.{at}", f"Row {row.number} {what}: {named} match all that it matches.",
                "Move it up, narrow the others, or remove it.", (at,), "warning",
            )  # fmt: skip

    def _find_stronger(self, at: int) -> int:
        """Return the rows that decide instead of this one where both match."""
        if self.table.hit == "F":
            return (1 << at) - 1
        stronger = 0
        for other in _list_bits(self.meeting[at]):
            if self.table.hit == "A":
                wins = self._give_same(at, other) is True and (
                    other < at or not self._holds(at, other)
                )
            else:
                mine, yours = self._rank(at), self._rank(other)
                wins = mine is not None and yours is not None and (yours, other) < (mine, at)
            stronger |= wins << other
        return stronger

    def _rank(self, at: int) -> tuple[int, ...] | None:
        ranks = []
        for output, values in zip(self.made.outputs[at], self.made.ranks, strict=True):
            if values is None:
                continue
            if output is None or not output.is_constant:
                return None
            ranks.append(values.index(output.constant) if output.constant in values
                         else len(values))  # fmt: skip
        return tuple(ranks)

    def _holds(self, outer: int, inner: int) -> bool:
        """Return whether one row matches all that another one matches."""
        return all(of_row[inner] & ~of_row[outer] == 0 for of_row in self.of_row)

    def _is_dead(self, at: int) -> bool:
        return not all(of_row[at] for of_row in self.of_row)

    # --- Gaps ---

    def _find_gaps(self) -> None:
        if self.table.hit not in _SINGLE or any(self.made.defaults):
            return
        if self.known != (1 << len(self.table.rows)) - 1:
            # A row that is not looked at may fill each of them.
            self.notes.append("Gaps are listed as if those rows matched nothing.")
        for region in self._walk(
            self.known, [(1 << len(each or (0,))) - 1 for each in self.pieces]
        ):
            if len(self.gaps) == MOST_FOUND:
                self.notes.append(f"There are more than {MOST_FOUND} gaps.")
                break
            self.gaps.append(self._make_gap(region))

    def _make_gap(self, region: Sequence[int]) -> Problem:
        cells = tuple(
            "-" if pieces is None else describe(pieces, chosen)
            for pieces, chosen in zip(self.pieces, region, strict=True)
        )
        asked = [
            f"{column.label} {cell}"
            for column, cell in zip(self.table.inputs, cells, strict=True) if cell != "-"
        ]  # fmt: skip
        return Problem(
            "rows", f"No row matches {', '.join(asked) or 'any input'}.",
            "Add a row for it, or give the outputs a default.", "warning",
            example=self._make_example(region), cells=cells,
        )  # fmt: skip

    def _walk(self, rows: int, box: Sequence[int]) -> Iterator[list[int]]:
        """Yield the regions of a box that none of the rows matches, which do not overlap.

        Pieces that the same rows match are one; from the same column and rows on, nothing is looked
        at twice. Raises: _TooLarge.
        """
        full: set[tuple[int, int]] = set()
        yield from self._walk_from(0, rows, list(box), full)

    def _walk_from(
        self, column: int, rows: int, region: list[int], full: set[tuple[int, int]]
    ) -> Iterator[list[int]]:
        if not rows:
            yield list(region)
            return
        if column == len(self.pieces) or (column, rows) in full:
            return
        found = False
        whole = region[column]
        for left, chosen in self._group(column, rows, whole).items():
            region[column] = chosen
            for each in self._walk_from(column + 1, left, region, full):
                found = True
                yield each
        region[column] = whole
        if not found:
            full.add((column, rows))

    def _group(self, column: int, rows: int, chosen: int) -> Mapping[int, int]:
        """Return, by the rows that are left, the pieces of a column that leave these."""
        groups: dict[int, int] = {}
        of_piece = self.of_piece[column]
        self._spend(len(of_piece))
        for piece in _list_bits(chosen):
            left = rows & of_piece[piece]
            groups[left] = groups.get(left, 0) | 1 << piece
        return groups

    # --- In words ---

    def _make_example(self, region: Sequence[int]) -> dict[str, str]:
        """Return an input that lies in a region, by the columns' names, as FEEL."""
        found = {}
        for column, pieces, chosen in zip(self.table.inputs, self.pieces, region, strict=True):
            first = next(_list_bits(chosen), None)
            value = None if pieces is None or first is None else pieces[first].value
            found[column.name] = to_literal(value)
        return found

    def _add(
        self, at: str, message: str, remedy: str, rows: tuple[int, ...], level: str = "error"
    ) -> None:
        self.problems.append(Problem(at, message, remedy, level, rows))  # type: ignore[arg-type]


def _list_bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
