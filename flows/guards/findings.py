"""What a detector finds, and where: the contract of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
Path = tuple[str | int, ...]
LONGEST_EXCERPT = 80
DOT = "•"


@dataclass(frozen=True, slots=True)
class Hit:
    """What a detector found in one text: characters ``start`` to ``end`` of it.

    ``kind`` is what it is (``iban``), ``rule`` what says so (``personal.iban``), ``score`` how sure
    the rule is, 0 to 1.
    """

    kind: str
    rule: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a value.

    ``place`` leads to the text in it, as ``letters[0].text``; without ``start`` and ``end`` the
    whole value there is meant. ``excerpt`` shows it with whatever is personal or secret dotted out;
    ``message`` says what the rule says of it.
    """

    kind: str
    rule: str
    place: str
    score: float
    start: int | None = None
    end: int | None = None
    excerpt: str = ""
    message: str = ""


def format_place(path: Sequence[str | int]) -> str:
    """Return a path as a person writes it: ``letters[0].text``; the value itself is ``value``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "value"


def dot_out(text: str) -> str:
    """Return a text that still tells what kind of thing it was: its first character, and dots."""
    return text[:1] + DOT * 4


def combine(scores: Sequence[float]) -> float:
    """Return the score of several independent hints: one minus the product of the doubts."""
    doubt = 1.0
    for score in scores:
        doubt *= 1 - score
    return round(1 - doubt, 3)
