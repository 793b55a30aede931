"""Two texts compared word by word."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher

from flows.assets.kinds import Piece

_WORDS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
# Comparing takes time that rises with the product of both lengths, and where much is repeated with
# more than that: longer texts go by lines, and still longer ones stand whole.
MOST_ITEMS = 4_000
_MOST_PAIRS = 40_000

Places = tuple[str, int, int, int, int]


def diff_words(before: str, after: str) -> tuple[Piece, ...]:
    """Return the pieces of both texts in reading order; those that are ``same`` stand once.

    The ``same`` and ``gone`` pieces make the text before, the ``same`` and ``new`` ones that after.
    """
    if before == after:
        return (Piece("same", before),) if before else ()
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_ITEMS or (found := _match(old, new)) is None:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        found = _match(old, new)
    if found is None:
        return show_whole(before, after)
    return tuple(_list_pieces(old, new, found))


def show_whole(before: str, after: str) -> tuple[Piece, ...]:
    """Return both texts as they are, where there is no time to compare them."""
    both = (Piece("gone", before), Piece("new", after))
    return tuple(each for each in both if each.text)


def is_quick(old: Sequence[Hashable], new: Sequence[Hashable], most_pairs: int) -> bool:
    """Return whether difflib compares them in a moment, however they are made."""
    if not (old and new):
        return True
    if len(old) + len(new) > MOST_ITEMS:
        return False
    counts = Counter(new)
    return sum(counts[each] for each in old) <= most_pairs


def _match(old: Sequence[str], new: Sequence[str]) -> list[Places] | None:
    """Return what to do with which items, as difflib does; None where that takes too long."""
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    ends = len(old) - tail, len(new) - tail
    a, b = old[head : ends[0]], new[head : ends[1]]
    if not is_quick(a, b, _MOST_PAIRS):
        return None
    between = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [
        ("equal", 0, head, 0, head),
        *((tag, i + head, j + head, k + head, m + head) for tag, i, j, k, m in between),
        ("equal", ends[0], len(old), ends[1], len(new)),
    ]


def _list_pieces(old: Sequence[str], new: Sequence[str], found: list[Places]) -> Iterator[Piece]:
    same = ""
    for tag, a, b, c, d in found:
        if tag == "equal":
            same += "".join(old[a:b])
            continue
        if same:
            yield Piece("same", same)
            same = ""
        if a < b:
            yield Piece("gone", "".join(old[a:b]))
        if c < d:
            yield Piece("new", "".join(new[c:d]))
    if same:
        yield Piece("same", same)
