"""Whether an answer gives away the prompt: the words of both, compared by runs of five."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flows.guards.findings import Hit
from flows.guards.folding import fold_words

RUN = 5  # words; a shorter run is common speech
_LONG = 24  # words in one piece that leave no doubt
_LEAST = 8  # words in one piece that are worth telling
_MOST_WORDS = 100_000
_WORD = re.compile(r"[^\W_]{1,60}")


@dataclass(frozen=True, slots=True)
class Confidential:
    """The runs of words of a text that answers must not give away, and how many it has."""

    runs: frozenset[int]
    count: int


def read_confidential(texts: Iterable[str]) -> Confidential:
    """Return what answers are compared with. Placeholders of a prompt (``{name}``) end a run."""
    runs: set[int] = set()
    for text in texts:
        for piece in re.split(r"\{[A-Za-z_][A-Za-z0-9_]{0,63}\}", text):
            words = [match[0] for match in _WORD.finditer(fold_words(piece).text)][:_MOST_WORDS]
            runs.update(_list_runs(words))
    return Confidential(frozenset(runs), len(runs))


def find_leaks(text: str, confidential: Confidential) -> list[Hit]:
    """Return the pieces of a text that repeat at least eight words of what is confidential."""
    folded = fold_words(text)
    matches = list(_WORD.finditer(folded.text))[:_MOST_WORDS]
    words = [match[0] for match in matches]
    same = [run in confidential.runs for run in _list_runs(words)]
    found, at = [], 0
    while at < len(same):
        first = at
        while at < len(same) and same[at]:
            at += 1
        length = at - first + RUN - 1 if at > first else 0
        share = (at - first) / max(confidential.count, 1)
        if length >= _LEAST or (length and share > 0.5):  # noqa: PLR2004
            start, end = folded.span(matches[first].start(), matches[first + length - 1].end())
            score = min(0.99, max(0.35 + length / _LONG * 0.6, share))
            found.append(Hit("leak", "leak.prompt", start, end, round(score, 3)))
        at += 1
    return found


def _list_runs(words: list[str]) -> list[int]:
    return [hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1)]
