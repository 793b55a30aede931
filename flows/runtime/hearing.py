"""Whether anything outside the engine waits for a run to end or for an event to come.

Triggers register their answers at start, so that the engine need not know them.
"""

from collections.abc import Callable

_hears_ends: list[Callable[[int], bool]] = []
_hears_events: list[Callable[[str], bool]] = []


def register_end_listener(hears: Callable[[int], bool]) -> None:
    """Have ``hears(flow_id)`` asked before a run ends; it must answer from memory."""
    _hears_ends.append(hears)


def register_event_listener(hears: Callable[[str], bool]) -> None:
    """Have ``hears(event_name)`` asked as an event is received, in its transaction."""
    _hears_events.append(hears)


def hears_ends_of(flow_id: int) -> bool:
    """Say whether anybody must be told that a run of the flow ended."""
    return any(hears(flow_id) for hears in _hears_ends)


def hears_event(name: str) -> bool:
    """Say whether anybody must be told of the event."""
    return any(hears(name) for hears in _hears_events)
