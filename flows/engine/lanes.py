"""Lanes: bands of priority, and how much of a worker each may fill.

Order alone does not keep a flood from delaying what is urgent: a worker full of bulk runs has no
room for an interactive one until a step of theirs ends. So a part of each worker stays free for
the lanes above.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    INTERACTIVE = "interactive"  # somebody waits for it
    STANDARD = "standard"
    BULK = "bulk"  # by the thousand, when there is room


# What a run of the lane gets, unless its start says otherwise. Lower runs first.
PRIORITY = {Lane.INTERACTIVE: 20, Lane.STANDARD: 100, Lane.BULK: 200}
_STANDARD_FROM, _BULK_FROM = 50, 150

# The share of a worker that only the lanes above may fill, once for bulk and once more for
# standard. A worker of one or two riders has none to spare.
_KEPT_FREE = 8
_FEWEST_TO_SHARE = 3


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens may be claimed now, and of which: those with a priority ``below``, or any."""

    tokens: int
    below: int | None = None


def first_of(lane: Lane) -> int:
    """Return the lowest priority of the lane: the first of its runs."""
    return {Lane.INTERACTIVE: 0, Lane.STANDARD: _STANDARD_FROM, Lane.BULK: _BULK_FROM}[lane]


def lane_of(priority: int) -> Lane:
    if priority < _STANDARD_FROM:
        return Lane.INTERACTIVE
    return Lane.STANDARD if priority < _BULK_FROM else Lane.BULK


def room_for(most: int, riding: Iterable[int]) -> Room:
    """Return the room of a worker of ``most`` riders that rides tokens of these priorities.

    It is first that of the lowest lane with room, for a claim takes the urgent before it anyway.
    """
    priorities = list(riding)
    kept = max(1, most // _KEPT_FREE) if most >= _FEWEST_TO_SHARE else 0
    free = most - len(priorities)
    not_urgent = most - kept - sum(each >= _STANDARD_FROM for each in priorities)
    bulk = most - 2 * kept - sum(each >= _BULK_FROM for each in priorities)
    if min(free, not_urgent, bulk) > 0:
        return Room(min(free, not_urgent, bulk))
    if min(free, not_urgent) > 0:
        return Room(min(free, not_urgent), _BULK_FROM)
    return Room(max(0, free), _STANDARD_FROM)
