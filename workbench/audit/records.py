"""What other apps keep of an act, compared with what the ledger says of it.

An entry states facts about rows elsewhere, such as the digest of a decision's receipt. The app that
owns the rows registers a check in ``AppConfig.ready``; ``verify`` runs them all.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from workbench.audit.models import Entry

ENTRIES_AT_ONCE = 500  # SQLite takes no more than 999 parameters in the query that follows


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where. For a fault of a block, ``entry`` is the id of its first entry."""

    code: str
    entry: int | None
    block: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What an entry states. ``payload`` is None where it was erased, or is no JSON object."""

    entry: int
    action: str
    subject_id: str
    payload: dict[str, Any] | None


Check = Callable[[], Iterable[Fault]]
_CHECKS: dict[str, Check] = {}


class CheckTaken(ValueError):
    """Two apps registered a check of one name."""


def register_check(name: str, check: Check) -> None:
    """Have ``verify`` run ``check``, which yields the faults of the rows that it compares.

    Raises: CheckTaken.
    """
    if _CHECKS.setdefault(name, check) is not check:
        raise CheckTaken(f"There is a check named {name!r}.")


def run_checks() -> Iterator[Fault]:
    for name in sorted(_CHECKS):
        yield from _CHECKS[name]()


def list_stated(actions: Collection[str]) -> Iterator[list[Stated]]:
    """Yield what the entries of these actions state, in lists of 500, oldest first."""
    columns = ("pk", "action", "subject_id", "payload__body")
    found = Entry.objects.filter(action__in=actions).order_by("pk").values_list(*columns)
    rows = found.iterator(chunk_size=ENTRIES_AT_ONCE)
    while chunk := list(islice(rows, ENTRIES_AT_ONCE)):
        yield [
            Stated(pk, action, subject, read_object(body)) for pk, action, subject, body in chunk
        ]


def changed(entry: int, detail: str) -> Fault:
    return Fault("record-changed", entry, None, detail)


def missing(entry: int, detail: str) -> Fault:
    return Fault("record-missing", entry, None, detail)


def unrecorded(detail: str) -> Fault:
    return Fault("record-unknown", None, None, detail)


def read_object(body: str | None) -> dict[str, Any] | None:
    """Return the JSON object, or None if it is none: whoever changed it made it so."""
    try:
        value = json.loads(body or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
