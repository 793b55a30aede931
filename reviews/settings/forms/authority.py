"""The authority matrix of a queue as people write it: a row on each line."""

from collections.abc import Iterable, Mapping
from typing import Any

from reviews.rules.matrix import KEYS
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused

Json = Any
WORDS = {"yes": True, "no": False}
EXAMPLE = "up_to 5000, level 1\nup_to 50000, level 2, approvers 2\nlevel 3, approvers 2"


def write_matrix(rows: Iterable[Mapping[str, Json]]) -> str:
    """Return the rows as lines such as ``up_to 5000, product car, level 2``."""
    return "\n".join(
        ", ".join(
            f"{key} {_write_value(row[key])}" for key in KEYS if row.get(key) not in (None, "")
        )
        for row in rows
    )


def _write_value(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def read_matrix(text: str) -> list[dict[str, Json]]:
    """Return the rows of the lines. What they mean is checked by reviews.rules.matrix.

    Raises: ValueError naming the line and the part that cannot be read.
    """
    lines = enumerate(text.splitlines(), 1)
    return [_read_row(number, line) for number, line in lines if line.strip()]


def _read_row(number: int, line: str) -> dict[str, Json]:
    row: dict[str, Json] = {}
    for part in line.split(","):
        key, _, value = part.strip().partition(" ")
        if not value.strip() or key in row:
            raise ValueError(
                f"Line {number}: write each part once, as a name and a value, such as level 2."
            )
        row[key] = value.strip() if key == "product" else _read_value(value.strip())
    return row


def _read_value(text: str) -> Json:
    if text in WORDS:
        return WORDS[text]
    try:
        return read_number(text)
    except ValueRefused:
        return text
