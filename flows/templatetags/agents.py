"""``{% load agents %}``: an agent's conversation in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template

from workbench.accounts.permissions import Reach

register = template.Library()

SHOWN_CHARACTERS, SHOWN_LINES, LARGE = 240, 3, 6_000
STATES = {
    "": "not made",
    "handed_out": "under way",
    "done": "done",
    "failed": "failed",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class Folded:
    """The first lines of a text, whether there is more, and whether that is much."""

    beginning: str
    rest: bool
    length: int

    @property
    def is_large(self) -> bool:
        return self.length > LARGE


@register.simple_tag
def fold(text: str) -> Folded:
    """``{% fold text as folded %}``"""
    beginning = "\n".join(text.split("\n")[:SHOWN_LINES])[:SHOWN_CHARACTERS]
    return Folded(beginning, len(text) > len(beginning), len(text))


@register.simple_tag
def speaker(spoken: Any, place: int, all_of_it: Sequence[Any]) -> str:
    """``{% speaker each forloop.counter0 talk.spoken %}``: who says it."""
    if spoken.who == "user" and any(each.who == "assistant" for each in all_of_it[:place]):
        return "Asked to correct it"
    named = {"system": "Instructions", "user": "Goal", "assistant": "Agent", "tool": "Tool"}
    return named[spoken.who]


@register.simple_tag
def call_state(call: Any) -> str:
    """``{% call_state call as state %}``: what became of a call."""
    if call.decision == "waiting":
        return "waiting"
    if not call.state and call.result is None:
        return "not yet made"
    return STATES[call.state]


@register.simple_tag
def sees_case(call: Any, queues: Reach) -> bool:
    """``{% sees_case call sees_queues as may_see %}``: whether the viewer may see its case."""
    return bool(call.case_url) and queues.touches(call.queue)
