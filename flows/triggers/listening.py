"""Whether the end of a run, or an event, starts a flow: what the engine asks before it sends it.

The flows whose ends start something are read at most once a second. A trigger counts from two
seconds after it was turned on, so that no end is missed that it should be started by.
"""

import time

from flows.models import Flow
from flows.triggers.models import Trigger, TriggerKind

CACHED_SECONDS = 1.0

_flow_ids: frozenset[int] = frozenset()
_read_at = float("-inf")


def starts_at_end_of(flow_id: int) -> bool:
    """Return True if ends of the flow's runs start a flow. At most one query a second."""
    global _flow_ids, _read_at  # noqa: PLW0603 - one cache for the process
    if time.monotonic() - _read_at > CACHED_SECONDS:
        # Taken before the query: the answer must not look younger than it is.
        asked_at = time.monotonic()
        names = Trigger.objects.filter(kind=TriggerKind.FLOW, enabled=True).values("listens_to")
        _flow_ids = frozenset(Flow.objects.filter(name__in=names).values_list("pk", flat=True))
        _read_at = asked_at
    return flow_id in _flow_ids


def starts_at_event(name: str) -> bool:
    """Return True if the event starts a flow. One query."""
    return Trigger.objects.filter(kind=TriggerKind.EVENT, listens_to=name, enabled=True).exists()


def forget() -> None:
    """Read the flows anew at the next question."""
    global _read_at  # noqa: PLW0603
    _read_at = float("-inf")
