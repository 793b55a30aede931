"""Two texts compared word by word."""

import re
from difflib import SequenceMatcher

from flows.assets.kinds import Piece

_WORDS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
# Comparing takes time that rises with the product of both lengths: longer texts go by lines.
_MOST_WORDS = 4_000


def diff_words(before: str, after: str) -> tuple[Piece, ...]:
    """Return the pieces of both texts in reading order; those that are ``same`` stand once.

    The ``same`` and ``gone`` pieces make the text before, the ``same`` and ``new`` ones that after.
    """
    if before == after:
        return (Piece("same", before),) if before else ()
    old, new = _split(before, after)
    pieces: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(old[a:b])))
            continue
        if a < b:
            pieces.append(Piece("gone", "".join(old[a:b])))
        if c < d:
            pieces.append(Piece("new", "".join(new[c:d])))
    return tuple(pieces)


def _split(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) <= _MOST_WORDS:
        return old, new
    return before.splitlines(keepends=True), after.splitlines(keepends=True)
