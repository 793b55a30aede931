"""What a run waits for, in words.

Whoever registers a waiting step type may register a function that says more than the wait does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from flows.models import Wait


@dataclass(frozen=True, slots=True)
class WaitDescription:
    """For whom or what a run waits, and what happens if nobody acts.

    ``text`` completes "Waiting for …". ``next_text`` is what happens at ``next_at``, such as "it
    escalates".
    """

    text: str
    url: str = ""
    link: str = ""
    next_at: datetime | None = None
    next_text: str = ""


Describer = Callable[[Sequence[Wait]], Mapping[int, WaitDescription]]

_describers: dict[str, Describer] = {}


def register_wait_describer(kind: str, describer: Describer) -> None:
    """Let ``describer(waits) -> {wait id: WaitDescription}`` describe the waits of ``kind``.

    It makes at most one query.
    """
    _describers[kind] = describer


def describe_waits(waits: Sequence[Wait]) -> dict[int, WaitDescription]:
    """Return the description of each wait, by its id: at most one query for each kind."""
    found: dict[int, WaitDescription] = {}
    for kind in {wait.kind for wait in waits}:
        own = [wait for wait in waits if wait.kind == kind]
        describer = _describers.get(kind)
        found |= describer(own) if describer else {wait.pk: _describe(wait) for wait in own}
    return found


def _describe(wait: Wait) -> WaitDescription:
    detail: Mapping[str, Any] = wait.detail if isinstance(wait.detail, Mapping) else {}
    next_at = parse_datetime(str(detail.get("due_at") or detail.get("until") or ""))
    next_text = f"it goes on by {detail['due_port']}" if detail.get("due_port") else "it goes on"
    text = {
        "timer": "its time",
        "case": f"a person in queue {detail.get('queue', '?')}",
    }.get(wait.kind, f"{wait.kind} {wait.key}".strip())
    return WaitDescription(text, next_at=next_at, next_text=next_text if next_at else "")
