"""Words beside a place in a text that speak for or against what was found there."""

import re
from collections.abc import Sequence

# How far before and after a place its context reaches.
BEFORE, AFTER = 48, 24


def compile_words(*words: str) -> re.Pattern[str]:
    """Return a pattern of any of the words, at the beginning of one; with ``!``, of a whole one."""
    return re.compile(r"(?<![a-z])(?:" + "|".join(_write(word) for word in words) + ")")


def _write(word: str) -> str:
    return re.escape(word[:-1]) + r"(?![a-z])" if word.endswith("!") else re.escape(word)


def get_before(low: str, start: int, most: int = BEFORE) -> str:
    """Return the text before a place, from its sentence's or line's beginning on."""
    text = low[max(start - most, 0) : start]
    return text.rsplit("\n", 1)[-1]


def is_near(pattern: re.Pattern[str], low: str, start: int, end: int, *, after: int = 0) -> bool:
    """Return whether one of the words stands shortly before the place, or after it."""
    if pattern.search(get_before(low, start)):
        return True
    return bool(after and pattern.search(low, end, min(end + after, len(low))))


def find_last(patterns: Sequence[re.Pattern[str]], low: str, start: int) -> int | None:
    """Return the index of the pattern whose word stands nearest before the place, or None.

    A word speaks against the place (any but the first pattern) only if no other number comes first.
    """
    text, nearest, found = get_before(low, start), -1, None
    for index, pattern in enumerate(patterns):
        for match in pattern.finditer(text):
            if match.start() > nearest:
                nearest, found = match.start(), index
    return None if found and any(map(str.isdigit, text[nearest:])) else found
