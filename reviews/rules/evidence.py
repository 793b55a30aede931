"""What is known of how a decision was made, and what is only stated by the page or program. Pure.

The server knows when it first gave the case to the person, and each file that they fetched. The
seconds with the page in front and the parts of the case that were unfolded are stated: they are
taken within what is known, and a statement beyond it is refused.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Any
# A page counts from when it was drawn, and tells the server a little later that it was.
GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Known:
    """``seen_at``: when the case was first given to the person, None if it was not that we know.

    ``files`` are the ids of the evidence that the server sends by itself, ``served`` those of them
    that the person fetched, with the time.
    """

    seen_at: datetime | None = None
    files: frozenset[str] = frozenset()
    served: Mapping[str, datetime] = field(default_factory=dict)

    def count_seconds(self, now: datetime) -> int:
        """Return how long the person can have worked on the case at most."""
        if self.seen_at is None:
            return 0
        return max(0, math.ceil((now - self.seen_at).total_seconds()))

    def find_problem(self, active_seconds: int, now: datetime) -> str:
        """Return why this many active seconds cannot be, "" if they can."""
        most = self.count_seconds(now)
        if active_seconds <= most + GRACE_SECONDS:
            return ""
        if self.seen_at is None:
            return "State no active seconds: the case is not known to have been shown to you."
        return f"State at most {most} active seconds: the case was first shown to you then."

    def list_opened(self, stated: Collection[str]) -> list[str]:
        """Return what counts as opened: files that were fetched, other parts of a case shown."""
        return [
            each
            for each in stated
            if each in self.served or (each not in self.files and self.seen_at is not None)
        ]

    def dump(self, opened: Collection[str], active_seconds: int, now: datetime) -> dict[str, Json]:
        """Return what the receipt says: ``known`` by the server, and ``stated`` to it."""
        return {
            "known": {
                "first_seen_at": self.seen_at.isoformat() if self.seen_at else None,
                "seconds_at_most": self.count_seconds(now),
                "served": {each: at.isoformat() for each, at in sorted(self.served.items())},
            },
            "stated": {"opened": list(opened), "active_seconds": active_seconds},
        }
