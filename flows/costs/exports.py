"""Tables of costs as CSV files."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from flows.costs.figures import COLUMNS, Row
from workbench.values.cells import plain_text

DIGITS = 6


def write_csv(table: str, rows: Iterable[Row]) -> str:
    """Return the rows as CSV, with a line of the columns' names. Costs have six digits."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS[table])
    for row in rows:
        writer.writerow([_cell_of(row[column]) for column in COLUMNS[table]])
    return out.getvalue()


def _cell_of(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.{DIGITS}f}"
    return plain_text(value) if isinstance(value, str) else value
