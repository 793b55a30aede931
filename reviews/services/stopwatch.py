"""Set the instants that follow from a case's SLA clock."""

from reviews.models import Case
from reviews.rules.ordering import rank, read_ordering
from reviews.rules.sla import Stopwatch, find_next_act, read_plan


def set_instants(case: Case) -> None:
    """Set when the case is due, warned and next acted on, and its rank. Does not save."""
    plan = read_plan(case.sla)
    watch = Stopwatch(case.used_seconds, case.running_since)
    coming = find_next_act(plan, watch, case.acts_done)
    case.next_act_at = coming[1] if coming else None
    case.due_at = watch.find_instant(plan, plan.due_seconds)
    warn = next((act for act in plan.acts if act.kind == "warn"), None)
    case.warn_at = watch.find_instant(plan, warn.after_seconds) if warn else None
    case.rank = rank(
        read_ordering(case.queue.ordering),
        opened_at=case.opened_at,
        due_at=case.due_at,
        priority=case.priority,
        value=case.value,
    )
