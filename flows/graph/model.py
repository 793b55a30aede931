"""The flow document as frozen data. Pure: no Django, no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "countersign/flow@1"
LANES = ("interactive", "standard", "bulk")

Json = Any


@dataclass(frozen=True, slots=True)
class Retry:
    """How failed attempts are repeated. Seconds throughout; ``jitter`` is a share of the delay.

    ``on`` and ``not_on`` name classes of errors, such as ``timeout``, ``http.5xx`` or ``http.429``:
    with ``on`` only those are tried again, with ``not_on`` those are not.
    """

    max_attempts: int = 1
    initial_seconds: float = 1.0
    factor: float = 2.0
    max_seconds: float = 60.0
    jitter: float = 0.2
    deadline_seconds: float | None = None
    on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """How many activations with the same ``key`` may be under way, and may begin in a second.

    A key is shared by all flows. Without one the limit is the step's own.
    """

    key: str = ""
    concurrency: int | None = None
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """How long a step's result is reused for the same type, config and input."""

    ttl_seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the graph. ``config`` is the document's ``with``."""

    id: str
    type: str
    title: str = ""
    config: Mapping[str, Json] = field(default_factory=dict)
    retry: Retry | None = None
    timeout_seconds: float | None = None
    max_visits: int | None = None
    compensate: str | None = None
    runbook: str = ""
    limit: Limit | None = None
    cache: Cache | None = None


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """From a step's port to a step. Written ``source.port -> target``."""

    source: str
    port: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}.{self.port} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Document:
    """A whole flow: contract, steps, edges, layout.

    ``lane`` is the lane of its runs where their start names none.
    """

    name: str
    title: str = ""
    description: str = ""
    input: Mapping[str, Json] = field(default_factory=dict)
    output: Mapping[str, Json] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    layout: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    tests: tuple[Mapping[str, Json], ...] = ()
    samples: Mapping[str, Json] = field(default_factory=dict)
    lane: str = ""
    schema: str = SCHEMA
