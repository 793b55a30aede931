"""How a wait is shown. Whoever registers a waiting step type may say more than its detail does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from flows.models import Wait


@dataclass(frozen=True, slots=True)
class WaitFace:
    """One line on a wait: for whom or what, and what happens if nothing does.

    ``text`` goes on from "Waiting for"; ``next_text`` goes with ``next_at``: "it escalates".
    """

    text: str
    url: str = ""
    link: str = ""
    next_at: datetime | None = None
    next_text: str = ""


FaceMaker = Callable[[Sequence[Wait]], Mapping[int, WaitFace]]

_makers: dict[str, FaceMaker] = {}


def register_wait_face(kind: str, function: FaceMaker) -> None:
    """Let ``function(waits) -> {wait id: WaitFace}`` tell waits of ``kind``. At most one query."""
    _makers[kind] = function


def wait_faces(waits: Sequence[Wait]) -> dict[int, WaitFace]:
    """Return the face of each wait: one call, so at most one query, for each kind."""
    found: dict[int, WaitFace] = {}
    for kind in {wait.kind for wait in waits}:
        own = [wait for wait in waits if wait.kind == kind]
        maker = _makers.get(kind)
        found |= maker(own) if maker else {wait.pk: _plain_face(wait) for wait in own}
    return found


def _plain_face(wait: Wait) -> WaitFace:
    detail: Mapping[str, Any] = wait.detail if isinstance(wait.detail, Mapping) else {}
    next_at = parse_datetime(str(detail.get("due_at") or detail.get("until") or ""))
    next_text = f"it goes on by {detail['due_port']}" if detail.get("due_port") else "it goes on"
    text = {
        "timer": "its time",
        "case": f"a person in queue {detail.get('queue', '?')}",
    }.get(wait.kind, f"{wait.kind} {wait.key}".strip())
    return WaitFace(text, next_at=next_at, next_text=next_text if next_at else "")
