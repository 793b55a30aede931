"""Take the values of secrets out of what is about to be stored or shown."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

MASK = "•••"
# Shorter values would mask ordinary words.
SHORTEST = 4
# Any piece of a value that is as long is masked too: a service may send back half of what it got.
PIECE = 8
# A text holds a piece of PIECE characters only if it holds one of the value's chunks of this length
# whole, counted from its beginning.
CHUNK = PIECE // 2


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A value to hide, with its chunks and where each begins."""

    value: str
    chunks: tuple[tuple[int, str], ...]


def mask(value: Any, secrets: Collection[str]) -> Any:
    """Return a JSON value in whose texts and keys each secret is replaced by dots.

    So are pieces of at least PIECE characters, and what an address makes of the value.
    """
    hidden = list(_list_hidden(secrets))
    return _mask_value(value, hidden) if hidden else value


def _list_hidden(secrets: Collection[str]) -> Iterator[_Hidden]:
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST:
            starts = range(0, len(form) - CHUNK + 1, CHUNK)
            yield _Hidden(form, tuple((at, form[at : at + CHUNK]) for at in starts))


def _mask_value(value: Any, hidden: list[_Hidden]) -> Any:
    if isinstance(value, str):
        for each in hidden:
            value = _mask_pieces(value.replace(each.value, MASK), each)
        return value
    if isinstance(value, Mapping):
        return {_mask_value(key, hidden): _mask_value(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value(item, hidden) for item in value]
    return value


def _mask_pieces(text: str, hidden: _Hidden) -> str:
    """Return the text without any piece of the value of PIECE characters or more."""
    for start, chunk in hidden.chunks:
        at = text.find(chunk)
        while at >= 0:
            first, last = _widen(text, at, hidden.value, start)
            resume = at + 1
            if last - first >= PIECE:
                text = text[:first] + MASK + text[last:]
                resume = first + len(MASK)
            at = text.find(chunk, resume)
    return text


def _widen(text: str, at: int, value: str, start: int) -> tuple[int, int]:
    """Return the bounds in the text of the longest piece of the value around a chunk."""
    first, last, left, right = at, at + CHUNK, start, start + CHUNK
    while first > 0 and left > 0 and text[first - 1] == value[left - 1]:
        first, left = first - 1, left - 1
    while last < len(text) and right < len(value) and text[last] == value[right]:
        last, right = last + 1, right + 1
    return first, last
