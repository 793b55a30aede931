"""Runs of digits in a text, with the signs between them that people group numbers by."""

import re
from collections.abc import Iterator
from functools import cache

_MOST_SIGNS = 2  # between two digits, as in ") "


def list_runs(text: str, between: str, *, most: int) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and digits of each run of at least 7 digits, the first ``most`` of them.

    A run is no part of a longer word or decimal number.
    """
    if sum(map(str.isdigit, text[:4096])) < 7 and len(text) <= 4096:  # noqa: PLR2004
        return
    for number, match in enumerate(_pattern(between).finditer(text)):
        if number >= most:
            return
        digits = "".join(filter(str.isdigit, match[0]))
        if len(digits) >= 7:  # noqa: PLR2004
            yield match.start(), match.end(), digits


@cache
def _pattern(between: str) -> re.Pattern[str]:
    # Bounded, and no character fits two parts of it: there is nothing to try again.
    signs = re.escape(between)
    return re.compile(
        rf"(?<![\w.])[0-9](?:[{signs}]{{0,{_MOST_SIGNS}}}[0-9]){{6,40}}(?!\w)", re.ASCII
    )
