"""How an activation ended, as the worker that drove it hands it to the committer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.runtime.program import Program
from flows.spending.counting import Payment
from flows.steps.base import StepConfig, StepContext, WaitingStep
from flows.store.rows import Claim

Json = Any


@dataclass(frozen=True, slots=True)
class Leave:
    """The step finished and leaves by these ports. ``seal`` is what the ledger keeps of it."""

    ports: tuple[str, ...]
    output: Json = None
    provenance: Mapping[str, Json] | None = None
    seal: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The step was an ``end``."""

    outcome: str
    output: Json
    terminate: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """The step failed for good. ``error`` has kind, message, step, attempt and detail.

    ``provenance`` says what was asked and paid for, if anything was.
    """

    error: dict[str, Json]
    provenance: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The attempt failed; another is made at ``due_at``."""

    error: dict[str, Json]
    due_at: datetime
    provenance: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Defer:
    """The step was not called: ``reason`` holds it back, and it may try again at ``until``.

    No attempt is used up. ``why`` is the reason in words, for the journal.
    """

    until: datetime
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Open:
    """The step waits: ``waits.open_wait`` opens its wait inside the transaction.

    ``context`` has no ``wait_id`` yet; ``config`` is rendered and checked.
    """

    type: WaitingStep
    context: StepContext
    config: StepConfig
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
    # What the attempt paid for models, whether it succeeded or not.
    payments: Sequence[Payment] = ()
