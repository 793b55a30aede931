"""Decision tables as CSV: a head that names the columns, and a line for each row.

``in:amount:number,in:region:string,out:limit:number,note,id``. The marks between cells are told
from the head: a comma, a semicolon or a tab.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

from flows.tables.errors import TableRefused
from flows.tables.model import MOST_COLUMNS, MOST_ROWS, read_table
from flows.tables.values import TYPES

Json = Any
Content = dict[str, Json]
LARGEST = 4_000_000
_HEAD_REMEDY = "Begin it with in:NAME:TYPE, out:NAME:TYPE, note and id."


def write_csv(content: Mapping[str, Json]) -> str:
    """Return the rows as CSV."""
    table = read_table(content)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([
        *(f"in:{each.name}:{each.kind}" for each in table.inputs),
        *(f"out:{each.name}:{each.kind}" for each in table.outputs), "note", "id",
    ])  # fmt: skip
    for row in table.rows:
        writer.writerow([*row.when, *row.then, row.note, row.id])
    return out.getvalue()


def read_csv(text: str, before: Mapping[str, Json] | None = None) -> Content:
    """Return the content with the rows of a CSV file.

    What ``before`` says of a column of the same name and type, and of the table, is kept. Raises:
    TableRefused.
    """
    if len(text) > LARGEST:
        raise TableRefused(f"The file has more than {LARGEST:,} characters.", "Split it.")
    text = text.removeprefix("\ufeff")
    head = text.splitlines()[0] if text.strip() else ""
    mark = max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    except csv.Error as error:
        raise TableRefused(f"The file is no CSV: {error}.", "Export it anew.") from None
    lines = [each for each in lines if any(cell.strip() for cell in each)]
    if not lines or len(lines) - 1 > MOST_ROWS:
        raise TableRefused("The file has no head, or too many rows.", _HEAD_REMEDY)
    return _read_lines(lines, before or {})


def _read_lines(lines: list[list[str]], before: Mapping[str, Json]) -> Content:
    kinds: list[str] = []
    columns: dict[str, list[Content]] = {"inputs": [], "outputs": []}
    for cell in lines[0]:
        kind, column = _read_head(cell.strip())
        kinds.append(kind)
        if column is not None:
            columns[kind].append(_keep(column, before.get(kind, ())))
    if max(len(columns["inputs"]), len(columns["outputs"])) > MOST_COLUMNS:
        raise TableRefused(f"There are more than {MOST_COLUMNS} columns.", "Split the table.")
    rows = [_read_row(number, line, kinds) for number, line in enumerate(lines[1:], 1)]
    return {"hit": "U", **before, **columns, "rows": _name_rows(rows)}


def _read_head(cell: str) -> tuple[str, Content | None]:
    if cell in ("note", "id"):
        return cell, None
    side, _, rest = cell.partition(":")
    name, _, type_ = rest.rpartition(":")
    if not name:
        name, type_ = rest, "any"
    if side not in ("in", "out") or not name.strip() or type_ not in TYPES:
        raise TableRefused(f"{cell!r} is no head of a column.", _HEAD_REMEDY)
    return f"{side}puts", {"name": name.strip(), "type": type_}


def _keep(column: Content, before: Json) -> Content:
    wanted = (column["name"], column["type"])
    same = [each for each in before if (each["name"], each.get("type", "any")) == wanted]
    return dict(same[0]) if same else column


def _read_row(number: int, line: list[str], kinds: list[str]) -> Content:
    if len(line) > len(kinds):
        raise TableRefused(
            f"Row {number} has {len(line)} cells, the head {len(kinds)}.",
            "Put cells with commas in quotes.",
        )
    found: Content = {"id": "", "when": [], "then": []}
    for kind, cell in zip(kinds, [*line, *[""] * (len(kinds) - len(line))], strict=True):
        if kind == "inputs":
            found["when"].append(cell.strip() or "-")
        elif kind == "outputs":
            found["then"].append(cell.strip())
        elif cell.strip():
            found[kind] = cell.strip()
    return found


def _name_rows(rows: list[Content]) -> list[Content]:
    """Return the rows with an id each, which no other row has."""
    taken = {each["id"] for each in rows}
    number = 0
    for row in rows:
        while not row["id"]:
            number += 1
            if f"r{number}" not in taken:
                row["id"] = f"r{number}"
                taken.add(row["id"])
    return rows
