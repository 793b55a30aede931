"""Revisions of what people edit and save whole, so that nobody undoes another's change unknowingly.

A revision is a digest of the settings themselves, so that every way to write them makes a new one.
Who saves names the revision that they changed; it is compared under the lock that the write holds.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection, transaction
from django.db.models import Manager, Model, QuerySet

Json = Any
Row = TypeVar("Row", bound=Model)
DIGITS = 32


class Change(NamedTuple):
    """Who changed something last, and when."""

    by: str
    at: datetime


def nobody_known(row: Any) -> Change | None:
    """Return None: of such an object nothing says who changed it."""
    return None


@dataclass(frozen=True, slots=True)
class Editable(Generic[Row]):
    """A kind of object that people edit and save whole.

    ``named`` is what a sentence calls it. ``by`` are the lookups by which one is found.
    ``revision_of`` returns its revision. ``field`` holds the revision in the API's answers.
    """

    rows: Manager[Row]
    named: str
    by: tuple[str, ...]
    revision_of: Callable[[Row], str]
    find_last_change: Callable[[Row], Change | None] = nobody_known
    related: tuple[str, ...] = ()
    field: str = "revision"

    def identify(self, row: Row) -> tuple[Json, ...]:
        """Return what ``hold`` takes for an object."""
        return tuple(getattr(row, name) for name in self.by)

    def find(self, *identity: Json) -> Row | None:
        """Return the object as it is now, or None if there is none, without a lock."""
        return self._select(self.rows, identity)

    @contextmanager
    def hold(self, *identity: Json) -> Iterator[Row | None]:
        """Open a transaction and let nobody else edit the object before its end.

        Gives the object as it is now, or None if there is none; then nobody else makes it.
        """
        with transaction.atomic():
            self._lock(identity)
            # New rows that refer to it need not wait: its key stays.
            yield self._select(self.rows.select_for_update(of=("self",), no_key=True), identity)

    def _select(self, rows: Manager[Row] | QuerySet[Row], identity: tuple[Json, ...]) -> Row | None:
        found = rows.filter(**dict(zip(self.by, identity, strict=True)))
        return found.select_related(*self.related).first() if self.related else found.first()

    def _lock(self, identity: tuple[Json, ...]) -> None:
        """Lock what there is no row for yet. SQLite has a single writer anyway."""
        if connection.vendor == "postgresql":
            key = json.dumps([self.named, *identity])
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 11))", [key])


def digest(settings: Json) -> str:
    """Return the revision of settings: the same for equal ones, another for any others."""
    text = json.dumps(_normal(settings), sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _normal(value: Json) -> Json:
    """Write a whole number one way: a database may return 5.0 for a 5 that it was given."""
    if isinstance(value, dict):
        return {str(key): _normal(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
