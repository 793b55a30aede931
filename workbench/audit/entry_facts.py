"""What an entry's page shows beside its details. The app that records an action registers it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from workbench.audit.models import Entry
from workbench.audit.selectors import payload_of


class Fact(NamedTuple):
    """A line of the entry's page. ``by`` says whose word it is, if it is not the server's own."""

    label: str
    value: str = ""
    at: datetime | None = None
    by: str = ""


FindFacts = Callable[[Mapping[str, Any]], Iterable[Fact]]
_FINDERS: dict[str, FindFacts] = {}


def register_entry_facts(action: str, find: FindFacts) -> None:
    """Show on the page of each entry of the action what ``find`` returns for its details."""
    _FINDERS[action] = find


def list_facts(entry: Entry) -> list[Fact]:
    """Return the facts that go with an entry: none where its details were erased."""
    find, payload = _FINDERS.get(entry.action), payload_of(entry)
    return list(find(payload)) if find and isinstance(payload, dict) else []
