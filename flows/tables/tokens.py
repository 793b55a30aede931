"""FEEL as tokens. Names may have spaces, as the standard has it."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from flows.tables.errors import FeelError
from flows.tables.functions import FUNCTIONS
from flows.tables.values import Value

LONGEST = 2_000
MOST_TOKENS = 500
MOST_DIGITS = 34
KEYWORDS = frozenset({"and", "or", "in", "between", "if", "then", "else", "true", "false", "null"})
# Words of FEEL that begin what tables do not take.
LEFT_OUT = {
    "for": "A loop", "some": "A quantifier", "every": "A quantifier", "function": "A function",
    "instance": "A test of a type", "satisfies": "A quantifier", "external": "A function",
}  # fmt: skip

_SIGN = re.compile(r"\.\.|\*\*|<=|>=|!=|[-+*/<>=()\[\],.?@:{}]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is number, string, name, word (a keyword), sign or end."""

    kind: str
    text: str
    at: int
    value: Value = None


def read_tokens(text: str, known: Collection[str] = ()) -> list[Token]:
    """Return the tokens of a text. ``known`` are names that hold signs. Raises: FeelError."""
    if len(text) > LONGEST:
        raise FeelError(f"It has more than {LONGEST:,} characters.", "Shorten it.")
    found = list(_list_tokens(text, _match_known(frozenset(known))))
    if len(found) > MOST_TOKENS:
        raise FeelError(f"It has more than {MOST_TOKENS} words and signs.", "Shorten it.")
    return [*found, Token("end", "", len(text))]


@lru_cache(maxsize=256)
def _match_known(names: frozenset[str]) -> re.Pattern[str]:
    """Return what matches names that are more than words, and functions of several words."""
    odd = [name for name in {*names, *FUNCTIONS} if not _WORD.fullmatch(name)]
    longest_first = sorted(odd, key=len, reverse=True)
    # An empty choice would match everywhere.
    choices = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest_first) or r"(?!)"
    return re.compile(rf"(?:{choices})(?!\w)")


def _list_tokens(text: str, known: re.Pattern[str]) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token, at = _read_token(text, at, known)
        yield token


def _read_token(text: str, at: int, known: re.Pattern[str]) -> tuple[Token, int]:
    if found := known.match(text, at):
        return Token("name", " ".join(found[0].split()), at), found.end()
    if found := _WORD.match(text, at):
        return _read_word(found), found.end()
    if (found := _NUMBER.match(text, at)) and not text.startswith("..", at):
        return _read_number(found), found.end()
    if found := _STRING.match(text, at):
        return Token("string", found[0], at, _ESCAPE.sub(_unescape, found[1])), found.end()
    if found := _SIGN.match(text, at):
        return Token("sign", found[0], at), found.end()
    if text[at] == '"':
        raise FeelError("A text has no end.", 'Close it with ".', at)
    raise FeelError(f"{text[at]!r} is no sign of FEEL.", "Remove it, or put text in quotes.", at)


def _read_word(found: re.Match[str]) -> Token:
    word = found[0]
    if word in LEFT_OUT:
        raise FeelError(
            f"{LEFT_OUT[word]} ({word}) is not taken in tables.",
            "Compute it in a step before, and give the table its result.", found.start(),
        )  # fmt: skip
    return Token("word" if word in KEYWORDS else "name", word, found.start())


def _read_number(found: re.Match[str]) -> Token:
    if len(found[0]) > MOST_DIGITS:
        raise FeelError(
            f"A number has more than {MOST_DIGITS} digits.", "Shorten it.", found.start()
        )
    return Token("number", found[0], found.start(), Decimal(found[0]))


def _unescape(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPED.get(sign, f"\\{sign}")
