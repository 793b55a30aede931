"""Which language a text is in, by its most frequent small words.

A guess, and a cheap one: the language with the most of its words in the text, if these are enough
and clearly more than those of the next. A form with names and amounts alone has no language.
"""

import re

_WORDS = {
    "en": "the of and to in is for that with on as by this are from your you has been not or we",
    "de": "der die das und ist von mit für auf den dem nicht eine ein zu im wir sie werden nach",
    "fr": "le la les des et est une un du pour dans que vous nous sur avec par au qui pas votre",
    "es": "el la los las de y es una un del para en que con por su se al no como más",
    "it": "il la di e che è un una del per in con non si della dei sono gli nel alla le",
    "nl": "de het een en van is op te dat voor met niet zijn aan door uw wij bij worden of",
    "pt": "o a os as de e é um uma do da para em que com por não se no na ao",
    "pl": "i w na z do się nie jest że o od za przez dla oraz po jak to lub są",
    "sv": "och i att det som en är på av för med till den inte om ett har du eller vi",
}  # fmt: skip
_STOP_WORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_LEAST, _MARGIN = 6, 1.25
_MOST_CHARACTERS = 50_000


def guess_language(text: str) -> str | None:
    """Return the code of the language (ISO 639-1), None where the text does not tell."""
    words = re.findall(r"[^\W\d_]+", text[:_MOST_CHARACTERS].lower())
    counts = sorted(
        ((sum(word in stops for word in words), each) for each, stops in _STOP_WORDS.items()),
        reverse=True,
    )
    (most, language), (next_most, _) = counts[:2]
    return language if most >= _LEAST and most >= _MARGIN * next_most else None
