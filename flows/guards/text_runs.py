"""Runs of digits in a text, with the signs between them that people group numbers by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

_MOST_SIGNS = 3  # between two digits, as in " / "
_SHORTEST = 7  # digits
_MOST_GROUPS = 12  # of a number within a longer run
_GROUP = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Run:
    """Digits in groups. Two numbers beside one another make one run."""

    digits: str
    groups: tuple[tuple[int, int], ...]

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """After how many digits each group ends."""
        return tuple(accumulate(end - start for start, end in self.groups))

    def list_windows(self, at: int, most: int) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and digits of the groups from number ``at`` on, the longest first."""
        found, digits = [], ""
        past = self.ends[at - 1] if at else 0
        for start, end in self.groups[at : at + _MOST_GROUPS]:
            digits += self.digits[past : past + end - start]
            past += end - start
            if len(digits) > most:
                break
            if len(digits) >= _SHORTEST:
                found.append((self.groups[at][0], end, digits))
        yield from reversed(found)


def list_runs(text: str, between: str) -> Iterator[Run]:
    """Yield each run of at least 7 digits, which begins and ends at no letter or decimal point."""
    signs, groups = frozenset(between), list[tuple[int, int]]()
    for match in _GROUP.finditer(text):
        start, end = match.span()
        gap = text[groups[-1][1] : start] if groups else ""
        goes_on = 0 < len(gap) <= _MOST_SIGNS and signs.issuperset(gap)
        if not goes_on:
            yield from _make_run(text, groups)
            groups = []
        is_part = end < len(text) and _is_of_word(text[end])
        if is_part or (not goes_on and start > 0 and _is_of_word(text[start - 1], ".")):
            yield from _make_run(text, groups)
            groups = []
        else:
            groups.append((start, end))
    yield from _make_run(text, groups)


def _is_of_word(sign: str, also: str = "_") -> bool:
    return sign.isalnum() or sign in ("_", also)


def _make_run(text: str, groups: list[tuple[int, int]]) -> Iterator[Run]:
    digits = "".join(text[start:end] for start, end in groups)
    if len(digits) >= _SHORTEST:
        yield Run(digits, tuple(groups))
