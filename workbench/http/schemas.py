"""The base of request bodies, and pages of lists."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import ConfigDict, Field

from workbench.http.problems import ApiProblem
from workbench.values.json_text import read_json

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)
MOST_ROWS = 200
MOST_REVISION = 2**31 - 1
# The bound of a text whose field has none of its own.
LONGEST_TEXT = 2_000


# For ``openapi_extra`` of a route that answers with a file.
FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The content.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


class Strict(Schema):
    """The base of request bodies: refuses unknown fields, and converts no value to another type."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=LONGEST_TEXT)


class Page(Schema, Generic[Item]):
    """Some rows of a list, and the cursor of the next ones, which is null at the end."""

    items: list[Item]
    next: str | None = Field(None, description="Pass it as `cursor` for the next rows.")


def encode_cursor(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Any:
    """Raises: ApiProblem (422)."""
    try:
        return read_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error


def page_by_id(
    rows: QuerySet[Row],
    *,
    cursor: str,
    limit: int,
    to_item: Callable[[Row], Any],
    newest_first: bool = True,
) -> dict[str, Any]:
    """Return a Page of rows in the order of their keys. One query, equally fast on every page.

    Raises: ApiProblem (422).
    """
    limit = _checked_limit(limit)
    if cursor:
        last = decode_cursor(cursor)
        if type(last) is not int or abs(last) >= 2**63:
            raise _bad_cursor()
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    return page_of(found, limit, to_item, lambda row: row.pk)


def page_of(
    found: Sequence[Any], limit: int, to_item: Callable[[Any], Any], position: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return a Page of ``limit`` rows. One more row in ``found`` tells that a next page exists."""
    shown = found[:limit]
    more = len(found) > limit
    return {
        "items": [to_item(row) for row in shown],
        "next": encode_cursor(position(shown[-1])) if more else None,
    }


def whole_page(items: Iterable[Any]) -> dict[str, Any]:
    """Return a Page with all there is, for a list that is never long."""
    return {"items": list(items), "next": None}


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= MOST_ROWS:
        raise ApiProblem(
            422, "limit-out-of-range", f"limit is {limit}.", f"Ask for 1 to {MOST_ROWS} rows."
        )
    return limit


def _bad_cursor() -> ApiProblem:
    return ApiProblem(
        422,
        "cursor-invalid",
        "The cursor does not come from this API.",
        "Start again without a cursor, and pass `next` of each page unchanged.",
    )
