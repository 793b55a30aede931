"""What an answer must not be: empty, a placeholder, repeated, noise, too short or too long."""

import re
from collections import Counter
from dataclasses import dataclass

from flows.guards.findings import Hit
from flows.guards.folding import fold_words

_READ = 20_000  # characters that are looked at; a long text is judged by its beginning
_WORD = re.compile(r"[^\W_]{1,60}")
_PLACEHOLDERS = frozenset(
    [
        "n/a",
        "na",
        "none",
        "null",
        "undefined",
        "nan",
        "tbd",
        "tba",
        "todo",
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "?",
        "??",
        "x",
        "xx",
        "xxx",
        "test",
        "asdf",
        "foo",
        "bar",
        "string",
        "text",
        "answer",
        "placeholder",
        "unknown",
        "unbekannt",
        "inconnu",
        "k.a.",
        "keine",
    ]
)
_FILLERS = (
    "lorem ipsum", "[insert", "<insert", "[your ", "<your ", "[name]", "<name>", "[company",
    "insert text here", "text here", "your answer here", "to be determined", "placeholder text",
    "{{", "[todo", "[einfugen", "hier einfugen", "inserer ici", "[a completer", "as an ai language model",
    "as a language model", "i cannot help with that", "i can't assist with", "i'm sorry, but i can",
    "als ki-sprachmodell", "en tant que modele de langage", "undefined", "[object object]",
)  # fmt: skip
_ROWS = (
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
)
_RUNS = frozenset(
    row[at : at + 4] for line in _ROWS for row in (line, line[::-1]) for at in range(len(line) - 3)
)
_VOWELS = frozenset("aeiouy")


@dataclass(frozen=True, slots=True)
class QualityRule:
    """How long a text must and may be. 0 is no limit."""

    shortest: int = 1
    longest: int = 0


def find_faults(text: str, rule: QualityRule) -> list[Hit]:
    """Return what is wrong with a text as an answer. Each finding is about the whole of it."""
    found = []
    plain = text.strip()
    if not plain:
        return [_fault("empty", text, 1.0)] if rule.shortest else []
    if len(plain) < rule.shortest:
        found.append(_fault("too_short", text, 1.0))
    if rule.longest and len(plain) > rule.longest:
        found.append(_fault("too_long", text, 1.0))
    read = fold_words(plain[:_READ]).text
    words = [match[0] for match in _WORD.finditer(read)]
    for name, score in (
        ("placeholder", _score_placeholder(read)),
        ("repetition", _score_repetition(read, words)),
        ("noise", _score_noise(read)),
        ("keyboard", _score_keyboard(words)),
    ):
        if score:
            found.append(_fault(name, text, round(score, 3)))
    return found


def _fault(name: str, text: str, score: float) -> Hit:
    return Hit("quality", f"quality.{name}", 0, len(text), score)


def _score_placeholder(read: str) -> float:
    if read in _PLACEHOLDERS:
        return 0.95
    share = max((len(filler) / len(read) for filler in _FILLERS if filler in read), default=0.0)
    return min(0.95, 0.65 + share) if share else 0.0


def _score_repetition(read: str, words: list[str]) -> float:
    """Return how far the text says the same again: by runs of three words, or by one sign."""
    if _has_long_run(read):
        return 0.9
    if len(words) < 12:  # noqa: PLR2004
        distinct = len(set(words))
        return 0.8 if len(words) > 5 and distinct * 3 <= len(words) else 0.0  # noqa: PLR2004
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    repeated = sum(count for count in threes.values() if count > 2)  # noqa: PLR2004
    share = repeated / (len(words) - 2)
    return min(0.95, 0.5 + share / 2) if share > 0.4 else 0.0  # noqa: PLR2004


def _has_long_run(read: str) -> bool:
    run, before = 0, ""
    for sign in read:
        run = run + 1 if sign == before and sign.isalnum() else 1
        if run > 15:  # noqa: PLR2004
            return True
        before = sign
    return False


def _score_noise(read: str) -> float:
    """Return how little of the text is letters: random signs, broken encodings, dumps."""
    broken = read.count("\ufffd") + read.count("\x00")
    if broken * 50 > len(read):
        return 0.9
    if len(read) < 12:  # noqa: PLR2004
        return 0.0
    solid = [each for each in read if not each.isspace()]
    plain = sum(map(str.isalnum, solid))
    if plain * 3 < len(solid):
        return 0.9
    odd = sum(not each.isalnum() and each not in ".,;:!?'\"()-/%€$£+&@#" for each in solid)
    share = odd / max(len(solid), 1)
    return min(0.95, 0.4 + share) if share > 0.3 else 0.0  # noqa: PLR2004


def _score_keyboard(words: list[str]) -> float:
    """Return how many words no language has: rows of keys, no vowels, letters without order."""
    long = [word for word in words[:400] if len(word) > 3 and word.isascii() and word.isalpha()]  # noqa: PLR2004
    if not long:
        return 0.0
    odd = sum(_is_mash(word) for word in long)
    share = odd / len(long)
    return min(0.95, 0.35 + share * 0.6) if share > 0.3 else 0.0  # noqa: PLR2004


def _is_mash(word: str) -> bool:
    if any(word[at : at + 4] in _RUNS for at in range(len(word) - 3)):
        return True
    vowels = sum(each in _VOWELS for each in word)
    if vowels * 6 < len(word):
        return True
    run = longest = 0
    for each in word:
        run = 0 if each in _VOWELS else run + 1
        longest = max(longest, run)
    return longest > 6 or (len(word) > 40)  # noqa: PLR2004
