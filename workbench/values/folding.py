"""Fold text for searching: one form for all ways of writing the same words.

Case is folded (ß and SS are ss), compatibility forms are replaced (ﬁ is fi, full-width letters are
plain ones), and the marks that accent a letter are removed, whether they are part of the letter
or follow it: é is e, İ is i. A stroke is no mark (ø and ł stay), nor are the vowel signs of
Indic scripts and the voicing marks of Japanese, without which other words would be meant.
"""

import re
import unicodedata

# What is longer is cut off, in a title as in what is looked for.
MOST_WORD_CHARACTERS = 60

# The blocks of combining diacritical marks, the points of Hebrew and Arabic.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_MARKS = re.compile(f"[{MARKS}]")


def fold(text: str) -> str:
    """Return the text as it is compared in a search. Folding it again changes nothing."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    folded = _MARKS.sub("", unicodedata.normalize("NFKD", folded)).replace("\u0131", "i")
    return unicodedata.normalize("NFKC", folded)


def split_words(text: str) -> list[str]:
    """Return the folded words of the text: letters, digits and the signs that belong to them."""
    folded = "".join(c if _is_of_a_word(c) else " " for c in fold(text))
    return [word[:MOST_WORD_CHARACTERS] for word in folded.split()]


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or (
        not character.isascii() and unicodedata.category(character)[0] == "M"
    )
