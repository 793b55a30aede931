"""Check an authority matrix before it is saved. Pure.

The first row that covers a case decides, so a row that stands behind a wider one says something
that never holds. See reviews.rules.authority for what the rows mean.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
KEYS = ("up_to", "product", "exceptions", "level", "approvers")
MOST_ROWS, MOST_LEVEL, MOST_APPROVERS, PRODUCT_LENGTH = 50, 9, 9, 80


def find_matrix_problem(rows: Json) -> str:
    """Return what is wrong with the rows and how to correct it, "" if nothing is."""
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return "Give the rows as a list of objects."
    if len(rows) > MOST_ROWS:
        return f"Give at most {MOST_ROWS} rows."
    for number, row in enumerate(rows, 1):
        if problem := _find_row_problem(row):
            return f"Row {number}: {problem}"
    return _find_order_problem([_Row.read(row) for row in rows])


def _find_row_problem(row: Mapping[str, Json]) -> str:
    if unknown := sorted(set(row) - set(KEYS)):
        return f"there is no {unknown[0]!r}: use {', '.join(KEYS)}."
    up_to = row.get("up_to")
    if up_to is not None and not (_is_number(up_to) and 0 < up_to < math.inf):
        return "`up_to` is an amount above 0: leave it out for any amount."
    for name, most in (("level", MOST_LEVEL), ("approvers", MOST_APPROVERS)):
        given = row.get(name, 1)
        if type(given) is not int or not 1 <= given <= most:
            return f"`{name}` is a whole number from 1 to {most}."
    product = row.get("product", "")
    if not isinstance(product, str) or len(product) > PRODUCT_LENGTH:
        return f"`product` is a text of at most {PRODUCT_LENGTH} characters."
    if row.get("exceptions") not in (None, True, False) or _is_number(row.get("exceptions")):
        return "`exceptions` is true, false, or left out for both."
    return ""


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Row:
    up_to: float
    product: str
    exceptions: bool | None
    need: tuple[int, int]

    @classmethod
    def read(cls, row: Mapping[str, Json]) -> "_Row":
        up_to = row.get("up_to")
        return cls(
            math.inf if up_to is None else float(up_to),
            row.get("product", ""),
            row.get("exceptions"),
            (row.get("level", 1), row.get("approvers", 1)),
        )

    def holds_wherever(self, other: "_Row") -> bool:
        """Return whether this row is for all the products and exceptions of the other."""
        return self.product in {"", other.product} and self.exceptions in {None, other.exceptions}

    def meets(self, other: "_Row") -> bool:
        """Return whether some case is of the product and exceptions of both."""
        return (not self.product or not other.product or self.product == other.product) and (
            None in {self.exceptions, other.exceptions} or self.exceptions == other.exceptions
        )

    def asks_less(self, other: "_Row") -> bool:
        return any(mine < theirs for mine, theirs in zip(self.need, other.need, strict=True))


def _find_order_problem(rows: Sequence[_Row]) -> str:
    for later, row in enumerate(rows):
        for earlier, before in enumerate(rows[:later]):
            if before.holds_wherever(row) and before.up_to >= row.up_to:
                return (
                    f"Row {later + 1} never holds, since row {earlier + 1} covers all of it: "
                    "put the smaller amount and the narrower row first, or remove one."
                )
            wider = before.holds_wherever(row) and not row.holds_wherever(before)
            beside = not before.holds_wherever(row) and not row.holds_wherever(before)
            if wider or (beside and before.meets(row) and before.asks_less(row)):
                return (
                    f"Rows {earlier + 1} and {later + 1} overlap, and the first of them holds: "
                    f"put row {later + 1} before row {earlier + 1}."
                )
    return ""
