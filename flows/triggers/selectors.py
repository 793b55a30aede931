"""Reads of triggers and their firings."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from flows.models import Flow
from flows.triggers.models import Firing, Trigger

SHOWN_FIRINGS = 50


@dataclass(frozen=True, slots=True)
class TriggerRow:
    trigger: Trigger
    last: Firing | None


def list_triggers(flow: Flow) -> list[TriggerRow]:
    """Return the flow's triggers, each with its last firing. Two queries."""
    newest = Firing.objects.filter(trigger=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    triggers = list(
        Trigger.objects.filter(flow=flow).annotate(last_pk=Subquery(newest)).order_by("pk")
    )
    firings = Firing.objects.in_bulk([t.last_pk for t in triggers if t.last_pk])
    return [TriggerRow(trigger, firings.get(trigger.last_pk)) for trigger in triggers]


def list_firings(flow: Flow, limit: int = SHOWN_FIRINGS) -> Sequence[Firing]:
    """Return the newest firings of the flow's triggers. One query."""
    firings = Firing.objects.filter(trigger__flow=flow).select_related("trigger")
    return list(firings.order_by("-pk")[:limit])
