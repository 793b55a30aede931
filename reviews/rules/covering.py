"""Who stands in for whom. Pure.

Covers are followed: if Ada is covered by Ben and Ben by Cem, Ada's cases go to Cem while both are
away. A chain that would come back to its beginning is refused when it is planned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Away:
    """A person is away from ``starts_at`` to before ``ends_at``. ``cover`` None: nobody covers."""

    person: int
    cover: int | None
    starts_at: datetime
    ends_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def follow_covers(person: int, at: datetime, aways: Iterable[Away]) -> int | None:
    """Return the person, or who covers for them if they are away at that instant.

    None: the last of the chain of covers is away and nobody covers for them.
    """
    away_now = {away.person: away.cover for away in aways if away.holds(at)}
    current: int | None = person
    # A cycle is refused when it is planned; should one be there all the same, nobody stands in.
    for _ in range(len(away_now) + 1):
        if current is None or current not in away_now:
            return current
        current = away_now[current]
    return None


def closes_a_circle(new: Away, aways: Iterable[Away]) -> bool:
    """Return whether at some instant of ``new`` its person's cases would come back to them."""
    known = list(aways)

    def reaches(person: int | None, starts: datetime, ends: datetime, depth: int) -> bool:
        if person == new.person:
            return True
        if person is None or depth > len(known):
            return False
        return any(
            reaches(away.cover, max(starts, away.starts_at), min(ends, away.ends_at), depth + 1)
            for away in known
            if away.person == person and max(starts, away.starts_at) < min(ends, away.ends_at)
        )

    return reaches(new.cover, new.starts_at, new.ends_at, 0)
