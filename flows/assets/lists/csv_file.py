"""Lists as CSV files, which spreadsheets read and write: value, match, note, until."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import AssetProblem, Content, FileFormat
from flows.assets.lists.content import FIELDS
from workbench.values.cells import FORMULA, plain_text

Json = Any
# What other files call the columns.
_NAMES = {"type": "match", "comment": "note", "expires": "until", "entry": "value"}


class CsvFile(FileFormat):
    name: ClassVar[str] = "csv"
    title: ClassVar[str] = "CSV"
    media_type: ClassVar[str] = "text/csv"

    def write(self, name: str, title: str, content: Content) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(FIELDS)
        for entry in content.get("entries", []):
            writer.writerow(plain_text(entry.get(field, "")) for field in FIELDS)
        return text.getvalue()

    def read(self, text: str, before: Content) -> dict[str, Json]:
        """Return the list with the file's entries. Raises: AssetInvalid."""
        return {**before, "entries": list(read_rows(text))}


def read_rows(text: str) -> Iterator[dict[str, Json]]:
    """Yield the entries of lines such as ``mailinator.com, domain, Seen in May, 2027-01-01``.

    A first line that names the columns says their order. Raises: AssetInvalid.
    """
    rows = csv.reader(
        io.StringIO(text), delimiter=_find_delimiter(text), strict=True, skipinitialspace=True
    )
    columns = list(FIELDS)
    try:
        for number, row in enumerate(rows):
            if number == 0 and (named := _read_columns(row)):
                columns = named
            elif any(cell.strip() for cell in row):
                yield _read_entry(row, columns, rows.line_num)
    except csv.Error as error:
        message = f"Line {rows.line_num}: {error}."
        raise AssetInvalid([AssetProblem("file", message, "Correct the line.")]) from None


def _find_delimiter(text: str) -> str:
    first = text[:1000].split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _read_columns(row: list[str]) -> list[str]:
    """Return the names of the columns, or none if the row is an entry."""
    names = [_NAMES.get(cell.strip().lower(), cell.strip().lower()) for cell in row]
    return names if "value" in names else []


def _read_entry(row: list[str], columns: list[str], line: int) -> dict[str, Json]:
    if len(row) > len(columns):
        message = f"Line {line} has {len(row)} cells; the columns are {', '.join(columns)}."
        raise AssetInvalid([AssetProblem("file", message, "Put a cell with a comma in quotes.")])
    cells = dict(zip(columns, (_read_cell(cell) for cell in row), strict=False))
    return {key: cells[key] for key in FIELDS if cells.get(key)}


def _read_cell(cell: str) -> str:
    """Return a cell's text: what ``plain_text`` put before a formula is not of it."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def to_lines(entries: list[Mapping[str, Json]]) -> str:
    """Return entries as lines that ``read_rows`` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for entry in entries:
        cells = [entry.get(field, "") for field in FIELDS]
        while not cells[-1]:
            cells.pop()
        writer.writerow(cells)
    return text.getvalue()
