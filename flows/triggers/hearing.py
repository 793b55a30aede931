"""What a trigger hears of other flows, and which rights that takes."""

from flows.graph.reaching import Reaching
from flows.triggers.models import Trigger, TriggerKind


def list_hearing(trigger: Trigger) -> list[Reaching]:
    """Return what the trigger, whose flow must be loaded, is given of another flow's runs.

    An event is for every flow that names it: whoever sends it was asked, not whoever hears it.
    """
    if trigger.kind != TriggerKind.FLOW or trigger.listens_to == trigger.flow.name:
        return []
    heard = trigger.listens_to
    what = f"The trigger {trigger.title} hears how runs of the flow {heard} end"
    return [Reaching("", "flow", ("runs.view",), heard, what)]
