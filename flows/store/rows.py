"""The rows that the engine's hot path reads and writes, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Any


@dataclass(slots=True)
class Claim:
    """A token that this worker drives. Each commit checks its ``fence`` and ``activation``.

    With ``deaths`` it is a suspect: a worker died while it held the token on this step.
    """

    token_id: int
    run_id: int
    version_id: int
    step: str
    fence: int
    activation: int
    attempt: int
    priority: int
    visits: Mapping[str, int]
    since: datetime
    run_started_at: datetime
    input: Json
    parent_wait_id: int | None = None
    pending: tuple[str, ...] = ()
    deaths: int = 0


@dataclass(slots=True)
class Move:
    """A plain step of a token: on to ``step``, or to its end where ``step`` is empty.

    Only for moves that concern no other token of the run (the engine's
    Graph.find_independent_edge, or the end of a linear graph, which completes the run).
    """

    claim: Claim
    from_step: str
    step: str
    via: str
    port: str
    output: Json
    provenance: Json
    worker_id: int
    began_at: datetime
    at: datetime


@dataclass(slots=True)
class RunRow:
    id: int
    status: str
    seq: int
    version_id: int
    flow_id: int
    priority: int
    input: Json
    started_at: datetime
    parent_wait_id: int | None


@dataclass(slots=True)
class TokenRow:
    id: int
    run_id: int
    step: str
    via: str
    state: str
    fence: int
    activation: int
    attempt: int
    owner: int | None
    priority: int
    visits: Mapping[str, int]
    since: datetime
    pending: tuple[str, ...] = ()


@dataclass(slots=True)
class JournalRow:
    """A row to append; the store numbers it."""

    run_id: int
    kind: str
    at: datetime
    step: str = ""
    token_id: int | None = None
    activation: int | None = None
    attempt: int | None = None
    port: str = ""
    data: Json = None
    provenance: Json = None
    worker: int | None = None
    began_at: datetime | None = None


@dataclass(slots=True)
class RunEnd:
    """How a run ended. ``status`` is completed, failed or cancelled."""

    status: str
    at: datetime
    outcome: str = ""
    output: Json = None
    error: Json = None


@dataclass(slots=True)
class TimerRow:
    run_id: int
    token_id: int
    activation: int
    purpose: str
    due_at: datetime
    id: int = 0
    reason: str = ""
    failures: int = 0


@dataclass(slots=True)
class WaitRow:
    id: int
    run_id: int
    token_id: int
    activation: int
    step: str
    kind: str
    state: str
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenWait:
    """An open wait whose token still waits, with no compensation to go to.

    ``due_port`` is the port that it leaves by when its time comes.
    """

    id: int
    run_id: int
    token_id: int
    step: str
    due_port: str
    run_status: str
    run_seq: int
    version_id: int


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from a waiting step to the next one: by a port, over the edge ``via``, to ``step``.

    ``state`` is the token's state there.
    """

    port: str
    via: str
    step: str
    state: str


@dataclass(frozen=True, slots=True)
class NewRunRow:
    """A run whose row was just inserted, with seq 1. ``is_held``: it is started paused."""

    id: int
    priority: int
    is_held: bool


@dataclass(slots=True)
class RunUpdate:
    """What to write of a run: the seq of ``run``, its first error, and its end if it ended."""

    run: RunRow
    first_error: Json = None
    end: RunEnd | None = None


@dataclass(slots=True)
class RunWrites:
    """What one transaction writes about runs that it has locked.

    ``journal`` holds ``(seq, row)``; ``runs`` and ``tokens`` are by id. The timers of deleted
    tokens are deleted with them.
    """

    journal: list[tuple[int, JournalRow]] = field(default_factory=list)
    runs: dict[int, RunUpdate] = field(default_factory=dict)
    tokens: dict[int, TokenRow] = field(default_factory=dict)
    deleted_tokens: list[int] = field(default_factory=list)
