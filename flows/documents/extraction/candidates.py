"""Values that a field may have: what was found, where, and how well it fits the field's rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.documents.extraction.patterns import fits
from flows.documents.extraction.rules import FieldRule
from flows.documents.extraction.tokens import Row, Token, join_places
from flows.documents.extraction.typed import Json, Locale, read_value
from flows.documents.model import Place
from workbench.values.refusals import ValueRefused

# A date, an amount or a code has no more words than this; a pattern may span more.
MOST_WORDS, MOST_PATTERN_WORDS = 6, 12
# What a reader splits within a number stands closer than words do, in heights.
WITHIN_A_WORD = 0.25


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value with its place. ``match`` is how well label or pattern fit, 0 to 1."""

    value: Json
    text: str
    match: float
    words: float
    page: int
    at: Place
    lines: tuple[int, ...]


def make_candidate(value: Json, text: str, match: float, tokens: Sequence[Token]) -> Candidate:
    return Candidate(
        value=value,
        text=text,
        match=match,
        words=min(each.confidence for each in tokens),
        page=tokens[0].page,
        at=join_places([each.at for each in tokens]),
        lines=tuple(dict.fromkeys(each.line for each in tokens)),
    )


def read_at(
    row: Row, start: int, end: int, rule: FieldRule, locale: Locale, match: float = 1.0
) -> Candidate | None:
    """Return the value that begins at a token, the longest that fits; None if none does."""
    if rule.type == "text" and not rule.pattern:
        # A speck of dust is read as a sign that stands by itself.
        while start < end and not row.folded[start]:
            start += 1
        while end > start and not row.folded[end - 1]:
            end -= 1
        return read_run(row, start, end, rule, locale, match) if start < end else None
    most = MOST_PATTERN_WORDS if rule.pattern else MOST_WORDS
    for stop in range(min(end, start + most), start, -1):
        found = read_run(row, start, stop, rule, locale, match)
        if found is not None:
            return found
    return None


def read_run(
    row: Row, start: int, stop: int, rule: FieldRule, locale: Locale, match: float
) -> Candidate | None:
    """Return the value that these words are together, None if they are none."""
    for text in _list_texts(row, start, stop):
        if rule.pattern and not fits(rule.pattern, text):
            continue
        try:
            value = read_value(text, rule.type, locale)
        except ValueRefused:
            continue
        if value != "" and (rule.type != "code" or rule.pattern or any(c.isdigit() for c in text)):
            return make_candidate(value, text, match, row.tokens[start:stop])
    return None


def _list_texts(row: Row, start: int, stop: int) -> Iterator[str]:
    """Yield the words with spaces between them and, where they all but touch, without."""
    words = [each.text for each in row.tokens[start:stop]]
    spaced = " ".join(words).strip(" ;,:")
    yield spaced
    near = [row.gap_before(at) <= WITHIN_A_WORD for at in range(start + 1, stop)]
    if any(near):
        parts = [w if n else f" {w}" for w, n in zip(words[1:], near, strict=True)]
        yield (words[0] + "".join(parts)).strip(" ;,:")
