"""What a worker has to say of an activation that it drove."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.runtime.program import Program
from flows.steps.base import Opened
from flows.store.rows import Claim

Json = Any


@dataclass(frozen=True, slots=True)
class Leave:
    """It finished and leaves by these ports."""

    ports: tuple[str, ...]
    output: Json = None
    provenance: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """It was an ``end``."""

    outcome: str
    output: Json
    terminate: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """It failed for good. ``error`` has kind, message, step, attempt and detail."""

    error: dict[str, Json]


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The attempt failed; another is made at ``due_at``."""

    error: dict[str, Json]
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Defer:
    """It was not called: ``reason`` holds it back, and it may try again at ``until``.

    No attempt is used up. ``why`` says it in words, for the journal.
    """

    until: datetime
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Open:
    """It is a waiting step: ``make(wait_id)`` opens its wait inside the transaction."""

    make: Callable[[int], Opened]
    timeout_at: datetime | None = None


Action = Leave | End | Fail | RetryAt | Defer | Open


@dataclass(slots=True)
class Finish:
    """One activation's end, on its way to the committer."""

    claim: Claim
    program: Program
    action: Action
    began_at: datetime
    at: datetime
