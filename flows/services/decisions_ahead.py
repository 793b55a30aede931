"""Refuse a rerun that would go round a decision of people.

A rerun begins in the middle of a flow, where a run that begins at the start comes only through
what decides its way. What people decided in the old run holds for the old run's input, and for
where that run went. So beginning further on, or there with another input, would be a way around.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from flows.engine import events
from flows.models import Flow, Journal, Token, TokenState
from flows.runtime.program import Program
from flows.services.errors import DecisionPassedOver
from flows.services.other_flows import CALLING_TYPES
from flows.steps.base import WaitingStep
from flows.steps.registry import UnknownStepType, get_step_type

Names = frozenset[str]
# What is journaled of a step says that a token stood on it, with these exceptions: a join is told
# of by the first of its inputs.
_SAYS_LITTLE = (events.JOIN_ABSORBED, events.STEP_CANCELLED)


def check_decisions(
    *, run_id: int, step: str | None, old: Program, new: Program, is_other_input: bool
) -> None:
    """Refuse to begin at the step if that would go round a step at which people decide.

    So would one that calls a flow in which they do. No query in a flow that does neither.
    Raises: DecisionPassedOver.
    """
    avoided = find_avoidable(new, step) if step is not None else frozenset()
    if not avoided or step is None:
        return
    if is_other_input:
        why = "What was decided there was decided for the old input."
    elif added := avoided - _list_deciding(old):
        avoided, why = added, "The old run's version did not ask there."
    elif not _has_come_to(run_id, step):
        why = f"Run {run_id} did not come to {step!r}."
    else:
        return
    names = ", ".join(sorted(avoided))
    raise DecisionPassedOver(
        f"Beginning at {step!r} would go round what people decide at {names}. {why}",
        "Begin at the start, or at a step through which every way to the decision leads.",
    )


def find_avoidable(program: Program, step: str) -> Names:
    """Return the steps at which people decide to which a way leads that the step is not on."""
    deciding = _list_deciding(program) - {step}
    if not deciding:
        return frozenset()
    follows: dict[str, set[str]] = {}
    for edge in program.graph.edges:
        follows.setdefault(edge.source, set()).add(edge.target)
    seen = set(program.graph.starts) - {step}
    todo = list(seen)
    while todo:
        for following in follows.get(todo.pop(), set()) - seen - {step}:
            seen.add(following)
            todo.append(following)
    return frozenset(deciding & seen)


def _list_deciding(program: Program) -> Names:
    """Return the steps at which people decide, be it in a flow that the step calls."""
    types = {name: bound.step.type for name, bound in program.steps.items()}
    asking = frozenset(
        name
        for name, bound in program.steps.items()
        if _asks_people(bound.step.type, bound.step.config)
    )
    calls = {
        name: str(bound.step.config.get("flow"))
        for name, bound in program.steps.items()
        if types[name] in CALLING_TYPES
    }
    found = find_asking_flows(frozenset(calls.values()))
    return asking | {name for name, called in calls.items() if called in found}


def find_asking_flows(names: Names) -> Names:
    """Return which of the flows ask people, or call one that does; by their released versions.

    One query for each level of calls. A flow that only a run will name may ask.
    """
    asking = {name for name in names if "${" in name}
    calls: dict[str, set[str]] = {}
    while unread := {*names, *chain.from_iterable(calls.values())} - calls.keys():
        rows = Flow.objects.filter(name__in=unread).values_list("name", "released__document")
        documents = dict(rows)
        for name in unread:
            steps = ((documents.get(name) or {}).get("steps") or {}).values()
            if any(_asks_people(step["type"], step.get("with") or {}) for step in steps):
                asking.add(name)
            calls[name] = {
                str((step.get("with") or {}).get("flow"))
                for step in steps
                if step["type"] in CALLING_TYPES
            }
    while more := {name for name, called in calls.items() if called & asking} - asking:
        asking |= more
    return names & asking


def _asks_people(name: str, config: Mapping[str, Any]) -> bool:
    try:
        type_ = get_step_type(name)
    except UnknownStepType:
        return False
    return isinstance(type_, WaitingStep) and type_.may_ask_people(config)


def _has_come_to(run_id: int, step: str) -> bool:
    stands = Token.objects.filter(run_id=run_id, step=step).exclude(state=TokenState.ARRIVED)
    told = Journal.objects.filter(run_id=run_id, step=step).exclude(kind__in=_SAYS_LITTLE)
    return stands.exists() or told.exists()
