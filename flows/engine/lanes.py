"""Lanes: bands of priority, and how much of a worker each may fill.

Priority alone does not keep urgent runs from waiting: a worker full of bulk runs has no room for
an interactive one until one of their steps ends. So a part of each worker stays free for the lanes
above.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    INTERACTIVE = "interactive"  # a person is waiting for the result
    STANDARD = "standard"
    BULK = "bulk"  # many runs at once, which may wait for room


# The priority of a run of the lane, unless its start names another. Lower runs first.
PRIORITY = {Lane.INTERACTIVE: 20, Lane.STANDARD: 100, Lane.BULK: 200}
_STANDARD_FROM, _BULK_FROM = 50, 150

# The share of a worker that only the lanes above may fill, once for bulk and once more for
# standard. A worker that runs only one or two tokens at a time has none to spare.
_KEPT_FREE = 8
_FEWEST_TO_SHARE = 3


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens may be claimed now: with a priority under ``below``, or with any if None."""

    tokens: int
    below: int | None = None


def first_of(lane: Lane) -> int:
    """Return the lowest number of the lane's band, which runs first."""
    return {Lane.INTERACTIVE: 0, Lane.STANDARD: _STANDARD_FROM, Lane.BULK: _BULK_FROM}[lane]


def lane_of(priority: int) -> Lane:
    if priority < _STANDARD_FROM:
        return Lane.INTERACTIVE
    return Lane.STANDARD if priority < _BULK_FROM else Lane.BULK


def room_for(most: int, riding: Iterable[int]) -> Room:
    """Return the room of a worker that runs at most ``most`` tokens and now runs these priorities.

    The lowest lane with room decides, because a claim takes more urgent tokens first anyway.
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
