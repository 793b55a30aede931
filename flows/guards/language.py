"""Guess the language of a text: by its alphabet, and by the small words that every text has."""

import re
import unicodedata
from collections import Counter

# From here on a guess is taken for the language.
CLEAR = 0.5
_MOST_WORDS = 400
_MOST_LETTERS = 2_000
_WORD = re.compile(r"[^\W\d_]{1,30}")

_WORDS = {
    "en": "the and of to in is that for it with you on are this was be have not as at by from your we "
          "i my me will can please would has been or an if they what which there their about when do",
    "de": "der die das und ist nicht ich sie mit ein eine zu den im von für auf es dem wir des dass als "
          "auch an bei sich wird haben hat sind werden bitte mein meine wie aber oder aus nach noch nur",
    "fr": "le la les et des est un une je vous que pour dans ne pas de du en il sur avec qui nous ce mon "
          "ma mes sont au plus par votre vos cette ai été avez se être ou bien très merci bonjour",
    "es": "el la los las y de que en un una es no por con para se del lo mi su al como más pero este "
          "esta está han ha muy le si por usted gracias hola sobre fue son",
    "it": "il lo la gli e di che un una è non per con sono del della mi si ho in ha al come questo "
          "questa anche ma più nel alla dei delle grazie vostro mio mia",
    "nl": "de het een en van is niet ik dat in op te met voor zijn aan heb u mijn maar ook bij naar "
          "wordt heeft dit die er als om nog wel deze kan uw",
    "pt": "o a os as e de que em um uma é não para com por se do da no na mais eu meu minha você está "
          "foi são ao como mas muito obrigado",
    "pl": "i w na nie się z do to jest że o jak ale po co tak za od czy przez dla już mnie są być proszę "
          "mam moje mój",
    "sv": "och i att det som en på är av för med den till inte har jag om ett de vi kan var från ni min",
    "da": "og i at det som en på er af for med den til ikke har jeg om et de vi kan var fra min",
}  # fmt: skip
_OF_WORD: dict[str, tuple[str, ...]] = {}
for _language, _text in _WORDS.items():
    for _each in set(_text.split()):
        _OF_WORD[_each] = (*_OF_WORD.get(_each, ()), _language)
_OF_ALPHABET = {
    "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "HANGUL": "ko", "THAI": "th",
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "DEVANAGARI": "hi", "ARMENIAN": "hy",
    "GEORGIAN": "ka",
}  # fmt: skip
_UKRAINIAN = frozenset("іїєґ")


def guess_language(text: str) -> tuple[str, float]:
    """Return the code of the likeliest language and how sure that is, 0 to 1; "" if nothing tells.

    It reads the beginning of a long text. A few words of a common alphabet tell little.
    """
    if found := _guess_by_alphabet(text[:_MOST_LETTERS]):
        return found
    words = [match[0] for match in _take(text)]
    if not words:
        return "", 0.0
    votes: Counter[str] = Counter()
    for word in words:
        languages = _OF_WORD.get(word, ())
        for each in languages:
            votes[each] += 1 / len(languages)  # type: ignore[assignment]
    if not votes:
        return "", 0.0
    ranked = votes.most_common(2)
    best, count = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    # Three words of its own tell; two languages that share most of theirs are told by the margin.
    enough, margin = min(1.0, count / 3), (count - second) / count
    return best, round(min(1.0, enough * margin * 2), 3)


def find_language(text: str) -> str | None:
    """Return the code of the language (ISO 639-1), None where the text does not clearly tell."""
    language, sure = guess_language(text)
    return language if sure >= CLEAR else None


def _take(text: str) -> list[re.Match[str]]:
    found = []
    for match in _WORD.finditer(text[: _MOST_WORDS * 12].lower()):
        found.append(match)
        if len(found) == _MOST_WORDS:
            break
    return found


def _guess_by_alphabet(text: str) -> tuple[str, float] | None:
    if text.isascii():
        return None
    letters = [each for each in text if each.isalpha()]
    foreign = [each for each in letters if each > "\u036f"]
    if len(foreign) * 2 < len(letters) or not letters:
        return None
    names = Counter(unicodedata.name(each, "").split(" ", 1)[0] for each in foreign)
    if names["HIRAGANA"] + names["KATAKANA"] > len(foreign) // 10:
        return "ja", 0.95
    language = _OF_ALPHABET.get(names.most_common(1)[0][0], "")
    if language == "ru" and any(each in _UKRAINIAN for each in foreign):
        language = "uk"
    return (language, 0.9) if language else ("", 0.0)
