"""Runs of digits in a text, with the signs between them that people group numbers by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_MOST_SIGNS = 3  # between two digits, as in " / "
_SHORTEST = 7  # digits
_MOST_GROUPS = 8  # of a number within a longer run
_GROUP = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Run:
    """Digits in groups. Two numbers beside one another make one run."""

    start: int
    end: int
    digits: str
    groups: tuple[tuple[int, int], ...]

    def list_windows(self, at: int, most: int) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and digits of the groups from number ``at`` on, the longest first."""
        found, digits = [], ""
        past = sum(end - start for start, end in self.groups[:at])
        for start, end in self.groups[at : at + _MOST_GROUPS]:
            digits += self.digits[past : past + end - start]
            past += end - start
            if len(digits) > most:
                break
            if len(digits) >= _SHORTEST:
                found.append((self.groups[at][0], end, digits))
        yield from reversed(found)


def list_runs(text: str, between: str) -> Iterator[Run]:
    """Yield each run of at least 7 digits, which is no part of a longer word or decimal number."""
    for match in _pattern(between).finditer(text):
        groups = tuple(each.span() for each in _GROUP.finditer(text, *match.span()))
        digits = "".join(text[start:end] for start, end in groups)
        yield Run(match.start(), match.end(), digits, groups)


@cache
def _pattern(between: str) -> re.Pattern[str]:
    # Bounded, and no character fits two parts of it: there is nothing to try again.
    signs = re.escape(between)
    return re.compile(
        rf"(?<![\w.])[0-9](?:[{signs}]{{0,{_MOST_SIGNS}}}[0-9]){{{_SHORTEST - 1},40}}(?!\w)", re.ASCII
    )
