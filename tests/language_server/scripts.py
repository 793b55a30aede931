"""What the server is told to answer, by conversation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.language_server.asked import Asked


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer.

    Without ``text``, ``json``, ``calls`` or ``refusal``, it is a value that fits the schema that is
    asked for, else a sentence. ``probability`` is that of each token; ``chances`` are those of the
    tokens that hold a text. ``prose`` answers in text what should be a tool call.

    A turn may also be no answer: ``status`` with ``body`` and ``headers``; ``raw`` bytes in place
    of JSON; ``endless`` bytes. ``times`` limits it to the first requests of each idempotency key:
    after that comes what follows it.
    """

    text: str | None = None
    json: Any = None
    calls: Sequence[tuple[str, Any]] = ()
    refusal: str = ""
    finish: str = ""
    prose: bool = False
    probability: float = 0.9
    chances: Mapping[str, float] = field(default_factory=dict)
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    endless: bool = False
    delay_seconds: float = 0.0
    times: int | None = None


@dataclass(slots=True)
class Script:
    """The turns of the conversations whose words hold ``about``, in order; the last one repeats.

    Which turn it is depends on the conversation alone, by how often the model has spoken in it: a
    repeated request is answered as the first one was.
    """

    about: str
    turns: Sequence[Turn]
    requests: Counter[tuple[int, str]] = field(default_factory=Counter)

    def choose(self, asked: Asked, key: str) -> Turn:
        at = asked.turns
        while at < len(self.turns) - 1 and self._is_used_up(at, key):
            at += 1
        turn = self.turns[min(at, len(self.turns) - 1)]
        self.requests[at, key] += 1
        return turn

    def _is_used_up(self, at: int, key: str) -> bool:
        times = self.turns[at].times
        return times is not None and self.requests[at, key] >= times
