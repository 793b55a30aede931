"""Whose scope an address needs: what a role that is granted for a flow or a queue must cover."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from workbench.accounts.permissions import SCOPED_BY, Reach

# What is granted for one flow or one queue does not open these.
INSTALLATION = "installation"
# These need a grant for the flow or the queue that an argument of the address names.
FLOW, QUEUE = "flow", "queue"
# A grant for anything opens these. The view narrows its lists by ``reach``, and refuses an object
# that is outside. With an argument, the grant must be for something in the queue that it names.
ROWS = "rows"
# It is about the person who asks, and about what was sent to them.
OWN = "own"
# It shows or adds what belongs to no flow and no queue, such as the list of calendars.
ANYWHERE = "anywhere"

WITHOUT_ARGUMENT = frozenset({INSTALLATION, ROWS, OWN, ANYWHERE})
WITH_ARGUMENT = frozenset({FLOW, QUEUE, ROWS})
MEANINGS = {
    INSTALLATION: "the whole installation",
    FLOW: "that flow",
    QUEUE: "that queue",
    ROWS: "each object",
    OWN: "one's own",
    ANYWHERE: "anything",
}


class UnknownScope(LookupError):
    """A scope is none of workbench.accounts.scopes, or the permission cannot be narrowed to it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """``kind`` is a constant of this module, ``argument`` the URL argument that names the object.

    Written ``installation``, ``own``, ``anywhere``, ``rows``, ``rows:name``, ``flow:name`` or
    ``queue:name``.
    """

    kind: str
    argument: str = ""

    @classmethod
    def read(cls, text: str, permission: str) -> Self:
        """Raises: UnknownScope."""
        kind, _, argument = text.partition(":")
        if kind not in (WITH_ARGUMENT if argument else WITHOUT_ARGUMENT):
            raise UnknownScope(f"Unknown scope {text!r}. See workbench.accounts.scopes.")
        needed = QUEUE if kind == ROWS and argument else kind
        narrowed_by = SCOPED_BY.get(permission, frozenset())
        if (needed in {FLOW, QUEUE} and needed not in narrowed_by) or (
            needed == ROWS and not narrowed_by
        ):
            raise UnknownScope(f"No grant narrows {permission} to {text!r}: use {INSTALLATION!r}.")
        return cls(kind, argument)

    def is_within(self, found: Reach, arguments: Mapping[str, Any]) -> bool:
        """Return whether who has the permission there may use the address with these arguments."""
        name = arguments.get(self.argument)
        if self.kind == INSTALLATION:
            return found.everywhere
        if self.kind == FLOW:
            return found.covers(flow=name, queue=None)
        if self.kind == QUEUE:
            return found.covers(flow=None, queue=name)
        return found.touches(queue=name) if self.argument else bool(found)

    def describe(self) -> str:
        """Return what the address needs the permission for, for the table of addresses."""
        if self.kind == ROWS and self.argument:
            return "something in that queue"
        return MEANINGS[self.kind]
