"""Which ends of flows and which events start runs: the answers that the engine asks for.

Of ends, a view of at most a second's age. A trigger counts from two seconds after it was turned on,
so no end that it should hear is passed over.
"""

import time

from flows.models import Flow
from flows.triggers.models import Trigger, TriggerKind

VIEW_SECONDS = 1.0

_heard: frozenset[int] = frozenset()
_read_at = float("-inf")


def hears_ends_of(flow_id: int) -> bool:
    """Say whether a trigger hears the ends of the flow's runs. One query a second, at most."""
    global _heard, _read_at  # noqa: PLW0603 - one view a process
    if time.monotonic() - _read_at > VIEW_SECONDS:
        # The time is that before the query: the view must not look younger than it is.
        asked_at = time.monotonic()
        names = Trigger.objects.filter(kind=TriggerKind.FLOW, enabled=True).values("listens_to")
        _heard = frozenset(Flow.objects.filter(name__in=names).values_list("pk", flat=True))
        _read_at = asked_at
    return flow_id in _heard


def hears_event(name: str) -> bool:
    """Say whether a trigger starts a flow at the event. One query."""
    return Trigger.objects.filter(kind=TriggerKind.EVENT, listens_to=name, enabled=True).exists()


def forget() -> None:
    global _read_at  # noqa: PLW0603
    _read_at = float("-inf")
