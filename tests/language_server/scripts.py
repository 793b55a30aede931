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
    of JSON; ``endless`` bytes. With ``times`` it stands before the next turn, and is given to so
    many requests of each idempotency key that would get that one.
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
        places = [at for at, turn in enumerate(self.turns) if turn.times is None]
        last = places[min(asked.turns, len(places) - 1)] if places else len(self.turns)
        first = max((at + 1 for at in places if at < last), default=0)
        for at in range(first, last):
            self.requests[at, key] += 1
            if self.requests[at, key] <= (self.turns[at].times or 0):
                return self.turns[at]
        return self.turns[last] if places else Turn()
