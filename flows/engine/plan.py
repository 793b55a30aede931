"""The data of a plan: the event that it answers, and what to write.

Pure: no Django, no clock, no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.engine import events
from flows.engine.position import TokenView


@dataclass(frozen=True, slots=True)
class Finished:
    """The activation of ``token_id`` leaves by these ports."""

    token_id: int
    ports: tuple[str, ...] = ("done",)


@dataclass(frozen=True, slots=True)
class Ended:
    """``token_id`` came to an ``end``."""

    token_id: int
    outcome: str = ""
    terminate: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """``token_id`` failed for good: its retries are used up or make no sense."""

    token_id: int


Event = Finished | Ended | Failed


@dataclass(frozen=True, slots=True)
class Note:
    """A journal row that the plan itself gives rise to."""

    kind: str
    step: str = ""
    token_id: int | None = None
    port: str = ""
    data: Any = None


@dataclass(slots=True)
class Plan:
    """What to write: ``placed`` are the tokens that changed or are new, in order of their moves."""

    placed: dict[int, TokenView] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    status: str | None = None
    outcome: str = ""

    @property
    def came_back(self) -> bool:
        """Whether the token that left its step came back to people instead of where its port leads.

        Then it did not leave by that port: what reads the step's port must not take it for one.
        """
        return bool(self.notes) and self.notes[0].kind == events.CAME_BACK


def list_nothing_done() -> Sequence[str]:
    """Return no steps, for a caller without any that could be undone."""
    return ()
