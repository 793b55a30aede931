"""Texts as detectors read them, with a map back to the places in the original.

Hidden characters are left out, compatibility forms are replaced (full-width digits are digits), and
for what looks for words, case and accents are folded and letters that look like Latin ones are
taken for them. All of it is linear in the length of the text.
"""

import unicodedata
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# Of letters that look the same, the Latin one. Cyrillic, Greek and a few others.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝьвкмнтοανικρτυχεηωϲϳɑɡɩℓ∣օսցհոռ‐‑‒–—‘’“”„‚",
    "aeopcyxijsdhqwbbkmhtoavikptuxenwcjagiliounhnn-----''\"\"\"'",
)
_LEET = str.maketrans("0134578@$!", "oieastbasi")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text. ``starts`` and ``ends`` are None where nothing moved."""

    text: str
    starts: "array[int] | None" = None
    ends: "array[int] | None" = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of a place in the folded text."""
        if self.starts is None or self.ends is None or end <= start:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold_forms(text: str) -> Folded:
    """Return the text in plain forms and without what is hidden. Case and accents stay."""
    return Folded(text) if text.isascii() else _fold(text, _plain_of)


def fold_words(text: str) -> Folded:
    """Return the text as words are looked for in it: small Latin letters without accents."""
    return Folded(text.lower()) if text.isascii() else _fold(text, _word_of)


def fold_in_place(text: str) -> str:
    """Return the text in small letters without accents, each letter in its place.

    A letter that would become several, or none, stays.
    """
    if text.isascii():
        return text.lower()
    return "".join(made if len(made := _word_of(sign)) == 1 else sign for sign in text)


def unmask_digits(folded: Folded) -> Folded | None:
    """Return the text with digits in words read as letters (1gn0re), or None without such words."""
    words = folded.text.split()
    if not any(_is_leet(word) for word in words):
        return None
    pieces, at = [], 0
    for word in words:
        found = folded.text.index(word, at)
        pieces.append(folded.text[at:found])
        pieces.append(word.translate(_LEET) if _is_leet(word) else word)
        at = found + len(word)
    return Folded("".join(pieces) + folded.text[at:], folded.starts, folded.ends)


def _is_leet(word: str) -> bool:
    letters = sum(map(str.isalpha, word))
    return letters >= 2 and letters < len(word) and word.translate(_LEET) != word  # noqa: PLR2004


def is_hidden(character: str) -> bool:
    """Return whether a character takes no room: joiners, marks of direction, tags, soft hyphens."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def _fold(text: str, form: Callable[[str], str]) -> Folded:
    pieces: list[str] = []
    starts, ends = array("q"), array("q")
    for at, character in enumerate(text):
        made = form(character)
        pieces.append(made)
        for _ in made:
            starts.append(at)
            ends.append(at + 1)
    return Folded("".join(pieces), starts, ends)


@lru_cache(maxsize=8192)
def _plain_of(character: str) -> str:
    if is_hidden(character):
        return ""
    return unicodedata.normalize("NFKC", character)


@lru_cache(maxsize=8192)
def _word_of(character: str) -> str:
    if is_hidden(character):
        return ""
    folded = unicodedata.normalize("NFKD", character).casefold()
    folded = "".join(each for each in folded if not unicodedata.combining(each))
    return folded.translate(_LOOKALIKES)
