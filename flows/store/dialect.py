"""How values go into the database and come out of it, and how a statement locks rows."""

import json
from abc import ABC
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from django.db import connection

from flows.store.rows import Json

Row = TypeVar("Row")

# SQLite takes 32,766 values in a statement.
ROWS_PER_STATEMENT = 1_000


class Dialect(ABC):
    """What the statements that both databases understand leave to each of them."""

    # The placeholder of a JSON value.
    json_param: ClassVar[str]
    # Ends a SELECT: lock its rows until the end of the transaction.
    lock_rows: ClassVar[str]
    # The same, but pass over the rows that somebody else has locked.
    lock_free_rows: ClassVar[str]

    def json_in(self, value: Json) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def json_or_null(self, value: Json) -> str | None:
        return None if value is None else self.json_in(value)

    def json_out(self, value: Any) -> Json:
        if not isinstance(value, str):
            return value
        # What nearly every token has, of the thousands that one run may have.
        if value == "{}":
            return {}
        if value == "[]":
            return []
        return json.loads(value)

    def time_in(self, value: datetime | None) -> Any:
        return None if value is None else connection.ops.adapt_datetimefield_value(value)

    def time_out(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        moment: datetime = value
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _convert(self, row: Sequence[Any], *, time: int, json: int | None = None) -> list[Any]:
        """Return the row with the columns at these places converted to Python's values."""
        values = list(row)
        values[time] = self.time_out(values[time])
        if json is not None:
            values[json] = self.json_out(values[json])
        return values


def placeholders(values: Iterable[Any]) -> str:
    return ", ".join("%s" for _ in values)


def split_rows(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows in parts, each small enough for one statement."""
    for first in range(0, len(rows), ROWS_PER_STATEMENT):
        yield rows[first : first + ROWS_PER_STATEMENT]
